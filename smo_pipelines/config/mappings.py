"""Column mappings: which column of an export is what."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from smo_pipelines.config.reading import read_text, read_yaml
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.errors import ConfigError

__all__ = ["load_mapping", "with_label_set"]


def load_mapping(path: Path) -> dict[str, Any]:
    """Return the options of an import from a YAML file; the reader of the format checks them.

    Raises
    ------
    ConfigError
        When the file is missing or not a mapping.
    """
    if not path.is_file():
        raise ConfigError(f"no mapping file at {path}; give the YAML file that says which column is what")
    return read_yaml(read_text(path, path), path)


def with_label_set(options: Mapping[str, Any], guidelines: Mapping[str, GuidelineVersion]) -> dict[str, Any]:
    """Return import options with the closed label sets of the guidelines that all rows were rated under, where they are known.

    A label outside its set is then a bad row, with its line, instead of a surprise when a snapshot is built. One guideline for
    the whole file is among the ``constants``; where a row answers several ``questions``, each may name its own.
    """
    if "labels" in options:
        return dict(options)
    constants, questions = options.get("constants"), options.get("questions")
    named = str(constants.get("guideline")) if isinstance(constants, Mapping) else ""
    if named in guidelines:
        return {**options, "labels": list(guidelines[named].labels)}
    asked = (
        [one.get("guideline") for one in questions.values() if isinstance(one, Mapping)] if isinstance(questions, Mapping) else []
    )
    sets = {str(name): list(guidelines[str(name)].labels) for name in asked if str(name) in guidelines}
    return {**options, "labels": sets} if sets else dict(options)
