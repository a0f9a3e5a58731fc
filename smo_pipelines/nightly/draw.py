"""One draw of labels to train on: so many items of a window, other raters' weights, by hash of the run's name."""

import numpy as np

from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.effects import NotEstimable, Question, WhyNot
from smo_pipelines.domain.labels import LabelSnapshot, TrainingSet
from smo_pipelines.domain.nights import DrawId
from smo_pipelines.labels.matching import development_split
from smo_pipelines.labels.redraw import redrawn
from smo_pipelines.labels.targets import targets_of

__all__ = ["DRAW_VERSION", "draw", "not_drawn"]

DRAW_VERSION = "draw 1"
"""Names the code of this file: raise it when the same run would draw otherwise."""


def draw(run: DrawId, takeable: LabelSnapshot, *, items: int, by_label: bool = False) -> TrainingSet | NotEstimable:
    """Return what one run is fitted on, or why there is nothing.

    The items are those with the smallest hashes of the run's name and their ids, so many of them however many there are: a draw of a
    window that grew is a draw of the same size. Each rater has an Exp(1) weight by hash of the run's name and the rater, and every
    item is labelled by the weighted ratings (:func:`smo_pipelines.labels.redraw.redrawn`), so that runs differ by who happened to
    rate and not by training alone.

    Parameters
    ----------
    takeable : LabelSnapshot
        The items of the window that stand in no benchmark.
    items : int
        Development items are among them.
    by_label : bool
        As for :func:`smo_pipelines.labels.targets.targets_of`.
    """
    if len(takeable) < items:
        sentence = f"the window holds {len(takeable):,} items that may be trained on, and a draw takes {items:,}"
        return not_drawn(WhyNot.few_items, sentence, items=len(takeable), needed=items)
    order = np.argsort(hash_to_unit(f"nightly items {run.text}", takeable.item_ids.tolist()), kind="stable")
    keep = np.zeros(len(takeable), dtype=bool)
    keep[order[:items]] = True
    chosen = takeable.subset(keep)
    again = redrawn(chosen, redraw=f"nightly raters {run.text}")
    texts = np.asarray(chosen.texts)
    dev = development_split(texts)
    for name, part in (("training", ~dev), ("development", dev)):
        positive = int((again.labels[part] == 1).sum())
        negative = int((again.labels[part] == 0).sum())
        if not positive or not negative:
            sentence = (
                f"the {name} part of draw {run.text} has {positive} positive and {negative} negative items, and both are needed"
            )
            return not_drawn(WhyNot.one_class, sentence, positive=positive, negative=negative)
    return TrainingSet(
        item_ids=chosen.item_ids,
        texts=texts,
        labels=again.labels,
        dev=dev,
        targets=targets_of(chosen, by_label=by_label, redrawn=again),
    )


def not_drawn(code: WhyNot, sentence: str, **counts: int) -> NotEstimable:
    """Return why a window gives no draw."""
    return NotEstimable(question=Question(metric="draw", on="labels"), code=code, sentence=sentence, counts=counts)
