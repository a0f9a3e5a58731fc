"""Benchmarks made of items with gold: the one place where label words become 0, 1 or unknown."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.domain.benchmarks import UNKNOWN_GOLD, Benchmark
from smo_pipelines.domain.texts import text_digest
from smo_pipelines.errors import BenchmarkError, did_you_mean

__all__ = ["benchmark_from_items"]

Words = Sequence[str] | Sequence[str | None] | np.ndarray


def benchmark_from_items(
    name: str,
    item_ids: Words,
    texts: Words,
    golds: Mapping[str, Words],
    positive: Mapping[str, str],
    *,
    clusters: Words | None = None,
    slices: Mapping[str, Words] | None = None,
    labels: Mapping[str, Sequence[str]] | None = None,
    diagnostic: bool = False,
    source: str = "",
) -> Benchmark:
    """Return a benchmark, its items in order of their ids.

    Parameters
    ----------
    item_ids, texts : sequence or ndarray of str, length n_items
    golds : mapping of guideline id to sequence of str or None, length n_items
        Label words under each guideline version; None or an empty word where that version does not decide the item. Gold of a
        held-out snapshot is passed in the same way.
    positive : mapping of guideline id to str
        The label word that counts as 1 under each guideline; every other word counts as 0.
    clusters : sequence of str, optional
        Name of the template or thread of each item. Items with an empty name, or all when it is left out, are grouped by their
        normalised text, because copies of one text are one observation.
    slices : mapping of str to sequence of str, optional
    labels : mapping of guideline id to sequence of str, optional
        All label words of a guideline; a gold word outside them is refused.
    diagnostic : bool
        True when the gold comes from the raters who also labelled the training items.

    Raises
    ------
    BenchmarkError
        When there are no items or no gold, an id occurs twice, columns differ in length, or a label word is not legal.
    """
    columns: dict[str, Words] = {"texts": texts, **{f"gold {guideline}": words for guideline, words in golds.items()}}
    columns |= {f"slice {key}": values for key, values in (slices or {}).items()}
    columns |= {} if clusters is None else {"clusters": clusters}
    _check_shape(name, item_ids, columns)
    if not golds:
        raise BenchmarkError(f"benchmark {name!r} has no gold: name at least one guideline and its column of labels")
    order = np.argsort(np.asarray(item_ids, dtype=str), kind="stable")
    named = [""] * len(item_ids) if clusters is None else clusters
    names = [cluster or text_digest(str(text)) for cluster, text in zip(named, texts, strict=True)]
    codes = {
        guideline: _codes(name, guideline, words, positive, (labels or {}).get(guideline))[order]
        for guideline, words in golds.items()
    }
    return Benchmark(
        name=name,
        item_ids=np.asarray(item_ids, dtype=str)[order],
        texts=np.asarray(texts, dtype=object)[order],
        golds=codes,
        clusters=np.unique(np.asarray(names, dtype=str)[order], return_inverse=True)[1],
        slices={key: np.asarray(values, dtype=str)[order] for key, values in (slices or {}).items()},
        diagnostic=diagnostic,
        source=source,
    )


def _check_shape(name: str, item_ids: Words, columns: Mapping[str, Words]) -> None:
    if not len(item_ids):
        raise BenchmarkError(f"benchmark {name!r} selects no item: check its item predicate and that the items were imported")
    for column, values in columns.items():
        if len(values) != len(item_ids):
            raise BenchmarkError(
                f"benchmark {name!r} has {len(item_ids)} item ids but {len(values)} values in its column {column!r}"
            )
    twice = sorted(item for item, count in Counter(map(str, item_ids)).items() if count > 1)
    if twice:
        shown = ", ".join(repr(item) for item in twice[:3])
        raise BenchmarkError(
            f"benchmark {name!r} holds {len(twice)} item ids more than once (first: {shown}); "
            "an item is scored once, so remove or rename the copies"
        )


def _codes(name: str, guideline: str, words: Words, positive: Mapping[str, str], legal: Sequence[str] | None) -> np.ndarray:
    if guideline not in positive:
        raise BenchmarkError(
            f"benchmark {name!r} has gold of {guideline!r}, but nothing says which of its words is positive; "
            f"{did_you_mean(guideline, positive)}"
        )
    odd = [type(word).__name__ for word in words if word is not None and not isinstance(word, str)]
    if odd:  # a missing cell that arrives as a NaN would otherwise count as negative
        raise BenchmarkError(f"benchmark {name!r} has {len(odd)} golds of type {odd[0]} under {guideline!r}; legal: a word, None")
    if legal is not None:
        foreign = sorted({str(word) for word in words if word} - set(legal))
        if foreign:
            raise BenchmarkError(
                f"benchmark {name!r} has gold {foreign[0]!r} under {guideline!r}; {did_you_mean(foreign[0], legal)}"
            )
    codes = [UNKNOWN_GOLD if not word else int(word == positive[guideline]) for word in words]
    if all(code == UNKNOWN_GOLD for code in codes):
        raise BenchmarkError(
            f"benchmark {name!r} has no item with gold of {guideline!r}: name a guideline that its items carry gold of"
        )
    return np.asarray(codes, dtype=np.int8)
