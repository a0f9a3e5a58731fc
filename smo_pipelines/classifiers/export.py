"""A fitted transformer as a folder that ``transformers`` reads by itself: backbone, trained layers and head in one model.

The head of one logit ``z`` becomes one of two logits ``(0, z)``: their softmax is the logistic function of ``z``, so
``pipeline("text-classification")`` gives the right probability under the right label's name.

This module imports torch; import it inside the function that needs it.
"""

import json
import shutil
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from smo_pipelines.classifiers.bert import EMBEDDINGS, read_weights
from smo_pipelines.classifiers.transformer import FittedTransformer, trained_part_in_words
from smo_pipelines.errors import ClassifierError

__all__ = ["ExportCard", "export_transformer", "exported_pipeline", "merged_weights"]

_LAYER = (
    ("out", "attention.output.dense"),
    ("norm1", "attention.output.LayerNorm"),
    ("up", "intermediate.dense"),
    ("down", "output.dense"),
    ("norm2", "output.LayerNorm"),
)
_BACKBONE_PARTS = (
    "embeddings.word_",
    "embeddings.position_embeddings",
    "embeddings.token_type_",
    "embeddings.LayerNorm",
    "encoder.",
)
_TOKENIZER_FILES = ("tokenizer.json", "vocab.txt", "special_tokens_map.json")


@dataclass(frozen=True, kw_only=True)
class ExportCard:
    """What the model card says besides what the fit knows itself.

    Attributes
    ----------
    labels : tuple of str
        The names of two classes, in order of their index: first the negative one. More classes keep the names they were learned by.
    facts : mapping of str to str
        Lines of the card, e.g. ``{"Guideline": "hate@4"}``.
    """

    labels: Sequence[str] = ("negative", "positive")
    facts: Mapping[str, str] = field(default_factory=dict)


def export_transformer(fitted: FittedTransformer, folder: Path, card: ExportCard | None = None) -> Path:
    """Write a model folder, whole or not at all, and return it.

    Scores there are computed in float32 throughout. Here they start from hidden states kept in float16, which moves them in the
    fifth decimal; on unrounded states they agree to 1e-6.

    Raises
    ------
    ClassifierError
        When the folder exists and is not empty, the labels are not as many as the classes, or the backbone is no BERT.
    """
    card = card or ExportCard()
    if len(fitted.classes) > 2:
        card = replace(card, labels=fitted.classes)
    family = json.loads((fitted.cache.backbone.folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    if family != "bert":
        raise ClassifierError(
            f"{fitted.config.name!r} is a {family}, and what is exported here is bert: `smo classifier score` scores with any fit"
        )
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ClassifierError(f"{folder} is there already and is not empty: name a new folder for the export")
    weights = merged_weights(fitted)
    classes = len(weights["classifier.bias"])
    if len(card.labels) != classes or len(set(card.labels)) != classes:
        raise ClassifierError(f"the classifier has {classes} classes and was given the names {list(card.labels)}: name each once")
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = folder.with_name(f".{folder.name}.{uuid.uuid4().hex}.tmp")
    try:
        unfinished.mkdir()
        _write(fitted, unfinished, weights, card)
        if folder.exists():
            folder.rmdir()
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return folder


def exported_pipeline(folder: Path) -> Any:
    """Return ``transformers``' own pipeline on an exported folder, for a model registry to take."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    model = AutoModelForSequenceClassification.from_pretrained(folder, local_files_only=True)
    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
    return pipeline("text-classification", model=model, tokenizer=tokenizer, truncation=True)


def merged_weights(fitted: FittedTransformer) -> dict[str, Tensor]:
    """Return every tensor of the whole classifier under the names of ``BertForSequenceClassification``."""
    full = read_weights(fitted.cache.backbone.folder)
    trained = {name: tensor for name, tensor in fitted.weights.items() if name.startswith(EMBEDDINGS)}
    merged = {f"bert.{name}": tensor for name, tensor in (full | trained).items() if name.startswith(_BACKBONE_PARTS)}
    lowest = max(fitted.cache.cut.layers, 0)
    for position in range(fitted.cache.shape.layers - lowest):
        own = {name.split(".", 1)[1]: tensor for name, tensor in fitted.weights.items() if name.startswith(f"{position}.")}
        merged |= {f"bert.encoder.layer.{lowest + position}.{name}": tensor for name, tensor in _long_names(own).items()}
    merged |= {f"bert.pooler.dense.{part}": fitted.weights[f"pooler.{part}"] for part in ("weight", "bias")}
    head, bias = fitted.weights["head.weight"], fitted.weights["head.bias"]
    if len(bias) == 1:
        head, bias = torch.cat([torch.zeros_like(head), head]), torch.cat([torch.zeros_like(bias), bias])
    merged |= {"classifier.weight": head, "classifier.bias": bias}
    return {name: tensor.detach().float().contiguous().clone() for name, tensor in merged.items()}


def _long_names(own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return a layer's trained tensors under their published names: what :func:`bert.layer_weights` does, turned round."""
    named: dict[str, Tensor] = {}
    for part in ("weight", "bias"):
        if f"qkv.{part}" in own:  # not where the attention is frozen
            for name, tensor in zip(("query", "key", "value"), own[f"qkv.{part}"].chunk(3), strict=True):
                named[f"attention.self.{name}.{part}"] = tensor
        named |= {f"{long}.{part}": own[f"{short}.{part}"] for short, long in _LAYER if f"{short}.{part}" in own}
    return named


def _write(fitted: FittedTransformer, folder: Path, weights: Mapping[str, Tensor], card: ExportCard) -> None:
    from safetensors.torch import save_file

    backbone = fitted.cache.backbone.folder
    save_file(dict(weights), folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((backbone / "config.json").read_text(encoding="utf-8"))
    config |= {
        "architectures": ["BertForSequenceClassification"],
        "dtype": "float32",
        "id2label": {str(index): label for index, label in enumerate(card.labels)},
        "label2id": {label: index for index, label in enumerate(card.labels)},
        "problem_type": "single_label_classification",
    }
    config.pop("torch_dtype", None)
    _write_json(folder / "config.json", config)
    for name in _TOKENIZER_FILES:
        if (backbone / name).is_file():
            shutil.copyfile(backbone / name, folder / name)
    about = backbone / "tokenizer_config.json"
    tokenizer = json.loads(about.read_text(encoding="utf-8")) if about.is_file() else {}
    tokenizer |= {"tokenizer_class": "BertTokenizer", "model_max_length": fitted.config.max_length}
    _write_json(folder / "tokenizer_config.json", tokenizer)
    (folder / "README.md").write_text(_card(fitted, card), encoding="utf-8")


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def _card(fitted: FittedTransformer, card: ExportCard) -> str:
    config = fitted.config
    flagged = card.labels[-1] if len(card.labels) == 2 else None
    facts = {
        "Threshold": f"{fitted.threshold:.4f}" + (f": a text is flagged when `{flagged}` scores at or above it" if flagged else ""),
        "Labels": ", ".join(f"`{label}`" for label in card.labels),
        "Backbone": f"`{config.backbone}`, digest `{fitted.cache.backbone.digest}`",
        "Configuration": f"`{config.name}`, digest `{config.digest}`",
        **card.facts,
    }
    return "\n".join(
        [
            "---",
            "library_name: transformers",
            "pipeline_tag: text-classification",
            "---",
            "",
            f"# {config.name}",
            "",
            f"A text classifier: {trained_part_in_words(fitted)} and the head were trained, the rest is the backbone's own.",
            "",
            *(f"- {name}: {value}" for name, value in facts.items()),
            "",
            "```python",
            "from transformers import pipeline",
            "",
            f'classify = pipeline("text-classification", model="FOLDER", truncation=True)  # reads {config.max_length} tokens',
            "```",
            "",
            "## Limits",
            "",
            "- A score says how the labels it was trained on would likely have come out; it is not a fact about a text.",
            "- The threshold was chosen on the development split of its own training labels; another operation needs its own.",
            f"- What follows the first {config.max_length} tokens of a text is not read, so `truncation=True` is needed.",
            "- Where it was measured, hidden states were rounded to 16 bits; scores here differ from those in the fifth decimal.",
            "- Languages other than the backbone's own are mostly unknown word pieces, and their scores mean nothing.",
            "",
        ]
    )
