"""Reading YAML strictly: no duplicate key, no unknown key, and an error that names the file, the place and the nearest legal word."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from smo_pipelines.domain.names import ID_RULE, is_legal_id
from smo_pipelines.errors import ConfigError, did_you_mean

__all__ = ["Strict", "check_id", "parse", "read_text", "read_yaml"]


class Strict(BaseModel):
    """A model that refuses unknown keys and never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


M = TypeVar("M", bound=Strict)


class _UniqueKeys(yaml.SafeLoader):
    """YAML as people mean it.

    A repeated key would overwrite the first silently, so it is refused. Only ``true`` and ``false`` are booleans, as in YAML 1.2:
    version 1.1 reads the key ``on`` and the country ``no`` as booleans too. Dates stay text.
    """

    yaml_implicit_resolvers = {  # noqa: RUF012 - the parent's own table, copied so that it is not changed
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rsplit(":", 1)[1] not in ("bool", "timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _mapping(loader: _UniqueKeys, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
    keys = [loader.construct_object(key, deep=True) for key, _ in node.value]
    for key in keys:
        if keys.count(key) > 1:
            raise yaml.constructor.ConstructorError(None, None, f"the key {key!r} stands twice", node.start_mark)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=deep)


_UniqueKeys.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_UniqueKeys.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read_text(path: Path, source: str | Path) -> str:
    """Return the text of a file that a person wrote; ``source`` names it in the error.

    Raises
    ------
    ConfigError
        When it cannot be opened, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: not UTF-8 text (byte {error.start}); save the file as UTF-8") from error
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}") from error


def read_yaml(text: str, source: str | Path) -> dict[str, Any]:
    """Return the mapping in a YAML text.

    Raises
    ------
    ConfigError
        When the text is not YAML, repeats a key, or is not a mapping.
    """
    try:
        data = yaml.load(text, Loader=_UniqueKeys)  # noqa: S506 - a SafeLoader that also refuses repeated keys
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        got = "an empty file" if data is None else f"a {type(data).__name__}"
        raise ConfigError(f"{source}: expected keys and values, got {got}")
    return data


def check_id(value: str, what: str) -> str:
    """Return an id that is safe as a file name, a partition key and a tag.

    Raises
    ------
    ConfigError
        When it is not.
    """
    if not is_legal_id(value):
        raise ConfigError(f"{what} {value!r} is not a legal id: {ID_RULE}")
    return value


def parse(model: type[M], data: Mapping[str, Any], source: str | Path) -> M:
    """Return the data as a model.

    Raises
    ------
    ConfigError
        One sentence a mistake: where, what was got, what is legal.
    """
    _refuse_unknown_keys(model, data, source, where="")
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise ConfigError("; ".join(f"{source}: {_sentence(item)}" for item in error.errors())) from error


_SAID = {
    "missing": "is needed and not there",
    "model_type": "must hold keys and values",
    "dict_type": "must hold keys and values",
    "string_type": "must be text (put a number or a yes in quotes)",
}


def _sentence(item: Any) -> str:
    where = ".".join(str(part) for part in item["loc"]) or "the file"
    said = _SAID.get(item["type"]) or item["msg"].removeprefix("Value error, ")
    got = item.get("input")
    shown = f", got {got!r}" if item["type"] != "missing" and isinstance(got, (str, int, float, type(None))) else ""
    return f"{where}: {said[0].lower()}{said[1:]}{shown}"


def _refuse_unknown_keys(model: type[BaseModel], data: Any, source: str | Path, where: str) -> None:
    if not isinstance(data, Mapping):
        return
    legal = {field.alias or name: field for name, field in model.model_fields.items()}
    for key, value in data.items():
        if key not in legal:
            place = f"{where}.{key}" if where else str(key)
            raise ConfigError(f"{source}: unknown key {place!r}; {did_you_mean(str(key), legal)}")
        for nested in _models_in(legal[key].annotation):
            rows = value if isinstance(value, list) else [value]
            for row in rows:
                _refuse_unknown_keys(nested, row, source, f"{where}.{key}" if where else str(key))


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]
