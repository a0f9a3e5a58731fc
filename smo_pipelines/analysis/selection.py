"""Which items of a benchmark answer a question, with their gold and clusters."""

from dataclasses import dataclass

import numpy as np

from smo_pipelines.analysis.questions import gold_of
from smo_pipelines.domain.benchmarks import FUNCTIONALITY, UNKNOWN_GOLD, Benchmark
from smo_pipelines.domain.effects import Question, WhyNot
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.errors import CannotEstimate, ConfigError
from smo_pipelines.stats.metrics import Needs, get_metric

__all__ = ["Selection", "select_items"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Selection:
    """The items of one question.

    Attributes
    ----------
    rows : ndarray of shape (n_items,)
        Positions in the benchmark.
    references : ndarray of shape (n_items,), int8
        Gold, 0 or 1.
    clusters : ndarray of shape (n_items,) or None
        None when every item is its own cluster.
    n_clusters : int
    gold : str
    described : str
        The items in words, for the estimand.
    groups : ndarray of shape (n_items,) or None
        What the metric needs besides scores and gold: which of the items are of the group that is asked about, bool, or their
        functionality.
    """

    rows: np.ndarray
    references: np.ndarray
    clusters: np.ndarray | None
    n_clusters: int
    gold: str
    described: str
    groups: np.ndarray | None = None


def _gold_column(guideline: str | None, benchmark: Benchmark) -> np.ndarray:
    if guideline is None or guideline not in benchmark.golds:
        have = ", ".join(sorted(benchmark.golds))
        asked = f"of guideline {guideline}" if guideline else "that fits, and none is named"
        raise CannotEstimate(
            WhyNot.no_gold, f"{benchmark.name} has no gold {asked}; it has gold of {have}", golds=len(benchmark.golds)
        )
    return benchmark.golds[guideline]


def _chosen(question: Question, benchmark: Benchmark, experiment: Experiment) -> tuple[np.ndarray, str]:
    """Return which items the question is about, before unknown gold is dropped, and a phrase for them."""
    if question.items == "all":
        return np.ones(len(benchmark), dtype=bool), ""
    if question.items == "gold_unchanged":
        old = _gold_column(experiment.control.guideline, benchmark)
        new = _gold_column(experiment.treatment.guideline, benchmark)
        return (old == new) & (old != UNKNOWN_GOLD), " whose gold is the same under both arms' guidelines"
    head, _, condition = question.items.partition(":")
    name, equals, value = condition.partition("=")
    if head != "slice" or not equals:
        raise ConfigError(
            f"{question.label}: items {question.items!r} is not known; legal: 'all', 'gold_unchanged' or 'slice:NAME=VALUE'"
        )
    if name not in benchmark.slices:
        have = ", ".join(sorted(benchmark.slices)) or "none"
        raise CannotEstimate(WhyNot.no_items, f"{benchmark.name} has no slice named {name}; it has {have}", items=0)
    return np.asarray(benchmark.slices[name]) == value, f" with {name} {value}"


def _grouped(
    question: Question, benchmark: Benchmark, chosen: np.ndarray, phrase: str
) -> tuple[np.ndarray, np.ndarray | None, str]:
    """Return which items the metric is computed on, what it needs to know of each, and the phrase for them."""
    metric = get_metric(question.metric)
    if metric.needs is Needs.nothing:
        return chosen, None, phrase
    if metric.needs is Needs.functionality:
        if FUNCTIONALITY not in benchmark.slices:
            have = ", ".join(sorted(benchmark.slices)) or "none"
            raise CannotEstimate(
                WhyNot.no_group, f"{metric.title} needs a slice named {FUNCTIONALITY}; {benchmark.name} has {have}"
            )
        return chosen, np.asarray(benchmark.slices[FUNCTIONALITY]), phrase
    if not question.items.startswith("slice:"):
        raise CannotEstimate(
            WhyNot.no_group, f"{metric.title} compares a group of items with the rest, and items {question.items!r} names no group"
        )
    if not chosen.any():
        raise CannotEstimate(WhyNot.no_items, f"{benchmark.name} has no item{phrase}", items=0)
    return np.ones(len(benchmark), dtype=bool), chosen, f"{phrase}, against the rest"


def select_items(question: Question, benchmark: Benchmark, experiment: Experiment) -> Selection:
    """Return the items that answer a question; those that the gold's guideline does not decide are left out.

    For a metric that compares a group with the rest, ``slice:NAME=VALUE`` is the group and every other item is its background.

    Raises
    ------
    CannotEstimate
        When the benchmark lacks the gold or the slice, no item is left, or a metric that needs groups has none.
    ConfigError
        When the question's ``items`` cannot be read.
    """
    gold = gold_of(question, benchmark, experiment)
    references = _gold_column(gold or None, benchmark)
    chosen, groups, phrase = _grouped(question, benchmark, *_chosen(question, benchmark, experiment))
    rows = np.flatnonzero(chosen & (references != UNKNOWN_GOLD))
    if len(rows) == 0:
        raise CannotEstimate(WhyNot.no_items, f"no item of {benchmark.name}{phrase} has gold of guideline {gold}", items=0)
    clusters = benchmark.clusters[rows]
    n_clusters = len(np.unique(clusters))
    grouped = n_clusters < len(rows)
    return Selection(
        rows=rows,
        references=references[rows],
        clusters=clusters if grouped else None,
        n_clusters=n_clusters,
        gold=gold,
        described=f"{'groups of items' if grouped else 'items'} like those of {benchmark.name}{phrase}",
        groups=None if groups is None else groups[rows],
    )
