"""What every stored fit says of itself, and how its files are read back."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from smo_pipelines.classifiers.tensor_files import how_broken
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.errors import ClassifierError

__all__ = ["FitFacts", "about_fit", "check_files", "check_fit", "read_arrays"]

_ADVICE = "delete the fit from the store and run its experiment again, or copy the fit whole"


@dataclass(frozen=True, kw_only=True)
class FitFacts:
    """What ``config.json`` says of a fit, apart from the configuration that it belongs to."""

    threshold: float
    classes: tuple[str, ...]
    positives: tuple[str, ...]


def about_fit(config: ClassifierConfig, threshold: float, classes: Sequence[str], positives: Sequence[str], **more: Any) -> bytes:
    """Return the ``config.json`` of a fit."""
    about = {
        "classifier": config.name,
        "config": config.digest,
        "threshold": threshold,
        "classes": list(classes),
        "positives": list(positives),
        **more,
    }
    return (json.dumps(about, indent=2, sort_keys=True) + "\n").encode()


def check_files(files: Mapping[str, bytes], needed: Collection[str], classifier: str) -> None:
    """Refuse the files of a fit when one is missing, cut short, or no JSON.

    Raises
    ------
    ClassifierError
        With what to do about it.
    """
    for name in needed:
        if name not in files:
            raise ClassifierError(
                f"a fit of {classifier!r} has no {name}; it has {', '.join(sorted(files)) or 'no file'}: {_ADVICE}"
            )
        if name.endswith(".json"):
            try:
                json.loads(files[name])
            except ValueError as error:
                raise ClassifierError(f"{name} of a fit of {classifier!r} is no JSON ({error}): {_ADVICE}") from error
        elif (broken := how_broken(files[name])) is not None:
            raise ClassifierError(f"{name} of a fit of {classifier!r} is not whole ({broken}): {_ADVICE}")


def check_fit(config: ClassifierConfig, files: Mapping[str, bytes], *, backbone: str = "") -> FitFacts:
    """Read the ``config.json`` of a fit and refuse one that belongs to something else.

    Parameters
    ----------
    backbone : str
        Digest of the backbone that the fit must have been trained on; empty where there is none.

    Raises
    ------
    ClassifierError
        When it was fitted with another configuration or backbone, or cannot be read.
    """
    try:
        about = json.loads(files["config.json"])
        facts = FitFacts(threshold=float(about["threshold"]), classes=tuple(about["classes"]), positives=tuple(about["positives"]))
        belongs = (("config", about["config"], config.digest), ("backbone", about.get("backbone_digest", ""), backbone))
    except (KeyError, TypeError, ValueError) as error:
        raise ClassifierError(
            f"config.json of a fit of {config.name!r} lacks what a fit says of itself ({error}): {_ADVICE}"
        ) from error
    for what, kept, here in belongs:
        if kept != here:
            raise ClassifierError(f"these weights were fitted with the {what} {kept[:12]}, and {config.name!r} now has {here[:12]}")
    return facts


def read_arrays(files: Mapping[str, bytes]) -> dict[str, np.ndarray]:
    """Read a fit's ``weights.safetensors``, which :func:`check_files` has found whole."""
    from safetensors.numpy import load

    found: dict[str, np.ndarray] = load(files["weights.safetensors"])
    return found
