from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from smo_pipelines.config.reading import Strict, check_id, parse, read_text, read_yaml
from smo_pipelines.errors import ConfigError


class _Inner(Strict):
    margin: float = Field(gt=0)
    name: str = ""


class _Outer(Strict):
    primary: _Inner
    many: tuple[_Inner, ...] = ()
    maybe: _Inner | None = None
    words: dict[str, str] = Field(default_factory=dict)


def test_yaml_as_people_mean_it() -> None:
    data = read_yaml("on: gold\nlocale: no\nyes: true\nwhen: 2026-01-31\nversion: 1\n", "f")
    assert data == {"on": "gold", "locale": "no", "yes": True, "when": "2026-01-31", "version": 1}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: 1\na: 2\n", "the key 'a' stands twice"),
        ("a:\n  b: 1\n  b: 1\n", "the key 'b' stands twice"),
        ("a: [1", "not readable as YAML"),
        ("a: !!python/object/apply:os.getcwd []\n", "not readable as YAML"),
        ("? [a]\n: 1\n", "not readable as YAML"),
        ("a: \x00\n", "not readable as YAML"),
        ("", "expected keys and values, got an empty file"),
        ("- a\n", "expected keys and values, got a list"),
        ("word", "expected keys and values, got a str"),
    ],
)
def test_what_is_not_a_mapping_of_single_keys_is_refused(text: str, said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_yaml(text, "some/file.yaml")
    assert str(refused.value).startswith("some/file.yaml: ") and said in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"primary": {"margin": 1, "nam": "x"}}, "f: unknown key 'primary.nam'; did you mean 'name'?"),
        (
            {"primary": {"margin": 1}, "many": [{"margin": 1}, {"marginn": 1}]},
            "f: unknown key 'many.marginn'; did you mean 'margin'?",
        ),
        ({"primary": {"margin": 1}, "maybe": {"zzzz": 1}}, "f: unknown key 'maybe.zzzz'; legal: margin, name"),
        ({"primary": {"margin": 0}}, "f: primary.margin: input should be greater than 0, got 0"),
        ({"primary": {"margin": 1}, "many": [{"margin": "a"}]}, "f: many.0.margin: input should be a valid number"),
        ({}, "f: primary: is needed and not there"),
        ({"primary": "gold"}, "f: primary: must hold keys and values, got 'gold'"),
        ({"primary": {"margin": 1}, "words": {"a": 1}}, "f: words.a: must be text (put a number or a yes in quotes), got 1"),
        ({1: 2}, "f: unknown key '1'"),
    ],
)
def test_the_place_and_the_nearest_legal_word_are_said(data: dict[Any, Any], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(_Outer, data, "f")
    assert said in str(refused.value)
    assert "_Inner" not in str(refused.value)


def test_several_mistakes_are_said_together() -> None:
    with pytest.raises(ConfigError) as refused:
        parse(_Outer, {"primary": {"margin": -1}, "words": {"a": 1}}, "f")
    assert "primary.margin" in str(refused.value) and "words.a" in str(refused.value)


@given(st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}", fullmatch=True).filter(lambda value: ".." not in value))
def test_legal_ids(value: str) -> None:
    assert check_id(value, "id") == value


@pytest.mark.parametrize("value", ["", ".", "..", "a..b", "../a", "a/b", "-a", "@a", "a b", "a\n", "ä", "a" * 64, "a\x00"])
def test_ids_that_are_no_file_names_are_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="is not a legal id"):
        check_id(value, "id")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"a: \xff")
    with pytest.raises(ConfigError, match=r"^f: not UTF-8 text \(byte 3\)"):
        read_text(path, "f")
    with pytest.raises(ConfigError, match=r"^g: cannot be read: No such file"):
        read_text(tmp_path / "g", "g")
