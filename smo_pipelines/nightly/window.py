"""The labels that a date shows: what a draw may take, and what is counted and measured of them."""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.effects import Interval, NotEstimable, WhyNot
from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.domain.nights import GroupCount, LabelWindow
from smo_pipelines.domain.quality import Measure, Measured, NotMeasured
from smo_pipelines.errors import NoRatings
from smo_pipelines.labels.quality import quality_of_rows
from smo_pipelines.labels.rated_rows import RatedRows, rows_from
from smo_pipelines.labels.snapshot import snapshot_from
from smo_pipelines.nightly.draw import not_drawn
from smo_pipelines.nightly.materials import Materials
from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

__all__ = ["COUNTED_BY", "Window", "open_window"]

COUNTED_BY = ("guideline", "instrument", "pool", "locale")
"""The groupings whose shares of the ratings are kept for every night."""

_MEASURES = (Measure.alpha, Measure.gold_accuracy, Measure.positive_share)


@dataclass(frozen=True, eq=False)
class Window:
    """The labels of one window: what a draw may take, the ratings behind it, and the facts that are stored."""

    takeable: LabelSnapshot
    rows: RatedRows
    facts: LabelWindow

    def without(self, grouping: str, value: str) -> LabelSnapshot:
        """Return what a draw could take if the ratings of one group had not been given; items that only it rated are gone."""
        votes, rows = self.takeable.votes, self.rows
        names = {name: np.array(rows.names[name], dtype=str) for name in ("item", "rater")}
        n_raters = len(names["rater"])
        pairs = rows["item"] * n_raters + rows["rater"]
        item = np.searchsorted(names["item"], self.takeable.item_ids)
        rater = np.searchsorted(names["rater"], votes.rater_ids)
        order = np.argsort(pairs)
        place = order[np.searchsorted(pairs[order], item[votes.item] * n_raters + rater[votes.rater])]
        stays = rows[grouping][place] != rows.code(grouping, value)
        kept = replace(votes, item=votes.item[stays], rater=votes.rater[stays], label=votes.label[stays])
        rated = np.bincount(kept.item, minlength=len(self.takeable)) > 0
        return replace(self.takeable, votes=kept).subset(rated)


def open_window(materials: Materials, date: dt.date, *, seen_at: dt.datetime | None = None) -> Window | NotEstimable:
    """Return the labels of the days before a date, or why there are none.

    Parameters
    ----------
    seen_at : datetime, optional
        The moment by which the ratings were imported, where that is not the date's own.
    """
    plan, workspace = materials.plan, materials.workspace
    end = plan.schedule.moment(date)
    seen = seen_at or end
    start = end - dt.timedelta(days=plan.window_days)
    recipe = replace(plan.recipe, as_of=seen.isoformat(), window_days=plan.window_days)
    guideline, pool = workspace.catalogue.guidelines[plan.label_set], workspace.catalogue.pools[recipe.pool]
    try:
        with workspace.tables.views(recipe.project, as_of=seen) as views:
            snapshot = snapshot_from(views, recipe, guideline=guideline, pool=pool, window_end=end)
            rows = _used(rows_from(views, within=(start, end)), snapshot)
    except NoRatings as error:
        return not_drawn(WhyNot.no_items, str(error), items=0)
    keep = materials.takeable(snapshot)
    takeable = snapshot if keep.all() else snapshot.subset(keep)
    facts = LabelWindow(
        start=start,
        end=end,
        digest=digest_of({"labels": takeable.digest, "votes": takeable.votes.digest}),
        items=len(takeable),
        leaked=int((~keep).sum()),
        ratings=len(rows),
        raters=len(np.unique(rows["rater"])),
        by={name: _counts(rows, name) for name in COUNTED_BY},
        figures=_figures(rows, materials, start),
    )
    return Window(takeable=takeable, rows=rows, facts=facts)


def _used(rows: RatedRows, snapshot: LabelSnapshot) -> RatedRows:
    """Return the ratings behind a snapshot: of each of its pairs of item and rater the newest that the recipe selects."""
    recipe, votes = snapshot.recipe, snapshot.votes
    wanted = [(name, (value,)) for name in ("question", "guideline", "instrument") if (value := getattr(recipe, name)) is not None]
    rows = rows.selected(tuple(wanted))
    rows = rows.take(~rows["skipped"])
    n_raters = len(rows.names["rater"])
    item = np.searchsorted(np.array(rows.names["item"], dtype=str), snapshot.item_ids)
    rater = np.searchsorted(np.array(rows.names["rater"], dtype=str), votes.rater_ids)
    pairs = rows["item"] * n_raters + rows["rater"]
    newest = np.zeros(len(rows), dtype=bool)
    newest[np.unique(pairs, return_index=True)[1]] = True  # rows come newest first
    return rows.take(newest & np.isin(pairs, item[votes.item] * n_raters + rater[votes.rater]))


def _counts(rows: RatedRows, name: str) -> dict[str, GroupCount]:
    ratings = np.bincount(rows[name], minlength=len(rows.names[name]))
    pairs = np.unique(rows[name] * max(len(rows.names["rater"]), 1) + rows["rater"])
    raters = np.bincount(pairs // max(len(rows.names["rater"]), 1), minlength=len(rows.names[name]))
    return {
        value: GroupCount(ratings=int(ratings[code]), raters=int(raters[code]))
        for code, value in enumerate(rows.names[name])
        if ratings[code]
    }


def _figures(rows: RatedRows, materials: Materials, start: dt.datetime) -> dict[str, Measured | NotMeasured]:
    measured = quality_of_rows(rows, guidelines=materials.workspace.catalogue.guidelines, measures=_MEASURES)
    nothing = NotMeasured(code=WhyNot.no_items, sentence="no rating was made in this time")
    told = measured[0].measures if measured else dict.fromkeys(_MEASURES, nothing)
    return {
        "volume": _volume(rows, start, materials.plan.window_days),
        "agreement": told[Measure.alpha],
        "gold_accuracy": told[Measure.gold_accuracy],
        "positive_share": told[Measure.positive_share],
    }


def _volume(rows: RatedRows, start: dt.datetime, days: int) -> Measured:
    """Return the mean number of ratings a day, with an interval over days like these."""
    day = ((rows["at"] - 1 - round(start.timestamp() * 1e6)) // 86_400_000_000).astype(np.int64)
    counts = np.bincount(day, minlength=days).astype(float)
    interval: Interval | NotMeasured
    if days < 2:
        interval = NotMeasured(code=WhyNot.few_items, sentence="one day says nothing of how days differ")
    else:
        spread = VarianceTerm(source="days", variance=float(counts.var(ddof=1)) / days, df=days - 1.0)
        low, high = CombinedEstimate(estimate=float(counts.mean()), terms=(spread,)).interval(0.05)
        interval = Interval(low=max(low, 0.0), high=high)
    return Measured(value=float(counts.mean()), interval=interval, n=days, unit="ratings a day")
