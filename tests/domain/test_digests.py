import json
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from smo_pipelines.domain.digests import canonical_json, digest_of, digest_of_rows, frozen_array, hash_to_unit, short

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text('aé\n"😀', max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=3), inner, max_size=4),
    max_leaves=12,
)


class Colour(StrEnum):
    red = "red"


@dataclass(frozen=True)
class Point:
    y: float
    x: int


@given(JSON)
def test_canonical_json_is_json_of_the_same_value(value: object) -> None:
    assert json.loads(canonical_json(value)) == value


@given(st.dictionaries(st.text("abcdef", max_size=3), st.integers(), max_size=6), st.randoms())
def test_order_of_keys_means_nothing(value: dict[str, int], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert canonical_json({key: value[key] for key in keys}) == canonical_json(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Point(y=1.5, x=2), '{"x":2,"y":1.5}'),
        ({"b": Colour.red, "a": (1, [2])}, '{"a":[1,[2]],"b":"red"}'),
        ({Colour.red: 1}, '{"red":1}'),
        (frozenset({"b", "a"}), '["a","b"]'),
        (np.array([[1, 2], [3, 4]], dtype=np.int8), "[[1,2],[3,4]]"),
        (np.float64(0.1), "0.1"),
        (np.bool_(True), "true"),
        (True, "true"),
        (1, "1"),
        (1.0, "1.0"),
        ("é", '"é"'),
        (None, "null"),
        ((), "[]"),
    ],
)
def test_what_a_value_reads_as(value: object, text: str) -> None:
    assert canonical_json(value) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(number: float) -> None:
    for holder in (number, [number], {"a": number}, np.array([number]), Point(y=number, x=1)):
        with pytest.raises(ValueError, match="a digest cannot cover the number"):
            digest_of(holder)
    with pytest.raises(ValueError, match="column 's'"):
        digest_of_rows({"s": np.array([0.5, number])})


@pytest.mark.parametrize("value", [object(), b"bytes", Point, {1: "a", "1": "b"}, {"a": {None: 0, "None": 1}}])
def test_what_has_no_canonical_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="a digest cannot cover"):
        digest_of(value)


def test_a_digest_is_the_sha256_of_the_text() -> None:
    # printf '{"a":null,"b":[1,2.5]}' | sha256sum
    assert digest_of({"b": (1, 2.5), "a": None}) == "e57f5d37865437a82e1108bafb4e5213dfe7e9085f5c253341ebbab30cac5faf"
    assert short("0123456789abcdef") == "0123456789ab"


def test_rows_do_not_depend_on_how_they_are_held() -> None:
    names = ["a", "bc", "é"]
    one = digest_of_rows({"n": np.array([1, 0, 1], dtype=np.int8), "t": np.array(names), "x": [0.5, 1.0, 2.0]})
    held = {"x": np.array([0.5, 1.0, 2.0], dtype=np.float32), "t": np.array(names, dtype=object), "n": [True, False, True]}
    assert digest_of_rows(held) == one


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"t": ["ab", "c"]}, {"t": ["a", "bc"]}),
        ({"t": ["a\x00b"]}, {"t": ["a", "b"]}),
        ({"t": ["a", "b"]}, {"t": ["b", "a"]}),
        ({"a": ["x"], "b": ["y"]}, {"a": ["y"], "b": ["x"]}),
        ({"a": []}, {"b": []}),
        ({"n": [1]}, {"n": ["1"]}),
    ],
)
def test_other_rows_have_another_digest(one: dict[str, list[object]], other: dict[str, list[object]]) -> None:
    assert digest_of_rows(one) != digest_of_rows(other)


def test_hashed_units_are_uniform_and_differ_between_prefixes() -> None:
    names = [f"item-{number}" for number in range(20_000)]
    one, other = hash_to_unit("seed:1", names), hash_to_unit("seed:2", names)
    assert kstest(one, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(one, other)[0, 1]) < 4 / np.sqrt(len(names))
    assert ((one > 0) & (one < 1)).all()
    assert len(set(one.tolist())) == len(names)


@given(st.lists(st.text(max_size=6), unique=True, max_size=12), st.integers(0, 11))
def test_a_hashed_unit_is_of_its_name_alone(names: list[str], turn: int) -> None:
    units = dict(zip(names, hash_to_unit("p", names).tolist(), strict=True))
    turned = names[turn:] + names[:turn]
    assert hash_to_unit("p", turned).tolist() == [units[name] for name in turned]
    assert hash_to_unit("p", names[:3]).tolist() == [units[name] for name in names[:3]]


def test_prefix_and_name_do_not_run_together() -> None:
    assert hash_to_unit("ab", ["c"])[0] != hash_to_unit("a", ["bc"])[0]


def test_a_frozen_array_cannot_be_changed_through_either_name() -> None:
    source = np.array([1, 2, 3])
    frozen = frozen_array(source)
    source[0] = 9
    assert frozen.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="read-only"):
        frozen[0] = 9
    assert frozen_array(frozen) is frozen


def test_close_numbers_keep_different_names() -> None:
    numbers = [0.1, np.nextafter(0.1, 1), 0.1 + 1e-12]
    assert all(digest_of(a) != digest_of(b) for a, b in pairwise(numbers))
