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
    """Return import options with the closed label set of the guideline that all rows were rated under, where it is known.

    A label outside that set is then a bad row, with its line, instead of a surprise when a snapshot is built.
    """
    constants = options.get("constants")
    named = str(constants.get("guideline")) if isinstance(constants, Mapping) else ""
    if "labels" in options or named not in guidelines:
        return dict(options)
    return {**options, "labels": list(guidelines[named].labels)}
