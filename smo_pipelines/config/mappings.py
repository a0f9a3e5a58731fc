"""Column mappings: which column of an export is what."""

from pathlib import Path
from typing import Any

from smo_pipelines.config.reading import read_text, read_yaml
from smo_pipelines.errors import ConfigError

__all__ = ["load_mapping"]


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
