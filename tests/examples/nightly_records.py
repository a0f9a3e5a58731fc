"""Nights of a plan to show and to send, made without training anything: numbers are drawn, the evidence is the detector's own."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from smo_pipelines.domain.alerts import Acknowledgement
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.effects import (
    Direction,
    EffectEstimate,
    Estimand,
    Interval,
    NotEstimable,
    Question,
    Role,
    ThresholdKind,
    WhyNot,
)
from smo_pipelines.domain.episodes import Cause, Episode, Explanation, FigureChange, GroupChange, LeftOut, ShareChange
from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.domain.nightly import NightlyPlan, Stream, StreamSpec
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.nights import Baseline, BlessedRun, DrawId, GroupCount, LabelWindow, Night, Repeat, StoredRun, StreamValue
from smo_pipelines.domain.quality import Measured, NotMeasured
from smo_pipelines.nightly.figures import label_figures
from smo_pipelines.nightly.fold import fold_nights

__all__ = ["BLESSED", "STREAMS", "nightly_record"]

BLESSED = dt.date(2026, 1, 10)
_QUESTIONS = (
    (
        Question(metric="average_precision", on="demo-gold", gold="hate@4", role=Role.guardrail),
        Direction.higher_is_better,
        0.03,
        0.5,
    ),
    (
        Question(metric="recall", on="demo-gold", gold="hate@4", threshold=ThresholdKind.control, role=Role.guardrail),
        Direction.higher_is_better,
        0.06,
        None,
    ),
    (
        Question(metric="false_positive_rate", on="demo-lookalikes", threshold=ThresholdKind.control, role=Role.guardrail),
        Direction.lower_is_better,
        0.06,
        0.6,
    ),
    (
        Question(metric="average_precision", on="demo-gold", gold="hate@4", items="slice:locale=hi-IN", role=Role.guardrail),
        Direction.higher_is_better,
        0.05,
        None,
    ),
)
STREAMS = tuple(Stream(question=q, direction=d, margin=m, floor=f) for q, d, m, f in _QUESTIONS)
_LEVELS, _SPREAD = (0.75, 0.68, 0.22, 0.71), (0.008, 0.015, 0.015, 0.02)
_PLAN = NightlyPlan(
    id="demo",
    area="hate",
    recipe=SnapshotRecipe(project="demo", question="hate", items=(("split", ("train",)),)),
    label_set="hate@4",
    classifier=ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf),
    benchmarks=("demo-gold", "demo-lookalikes"),
    streams=tuple(StreamSpec(question=one.question, margin=one.margin, floor=one.floor) for one in STREAMS),
    items=400,
)


def nightly_record(
    nights: int = 365,
    *,
    drops: Mapping[int, tuple[int, int, float]] | None = None,
    missed: tuple[int, ...] = (),
    repeated: tuple[int, ...] = (),
    due: int | None = None,
    pool: str = "lenient@1",
    acknowledged: bool = False,
    seed: int = 0,
) -> NightlyRecord:
    """Return the record of so many nights.

    Parameters
    ----------
    drops : mapping of int to (int, int, float)
        By stream: the first and the last night, counted from 1, on which it is worse by so much.
    missed, repeated : tuple of int
        Nights that did not run, and nights whose labels were those of the night before.
    due : int
        The newest night that is due; the last one by default.
    """
    rng = np.random.default_rng(seed)
    blessed = np.stack([rng.normal(level, spread, 20) for level, spread in zip(_LEVELS, _SPREAD, strict=True)])
    means = np.stack([rng.normal(level, spread / 1.4, nights) for level, spread in zip(_LEVELS, _SPREAD, strict=True)])
    for stream, (first, last, size) in (drops or {}).items():
        means[stream, first - 1 : last] -= STREAMS[stream].direction.sign * size
    baseline = Baseline(
        plan="demo",
        id=BLESSED.isoformat(),
        date=BLESSED,
        known_at_blessing=True,
        parts={"recipe": "r" * 64, "classifier": "c" * 64},
        streams=STREAMS,
        unwatched=(
            NotEstimable(
                question=replace(STREAMS[3].question, items="slice:locale=mt-MT"),
                code=WhyNot.few_positives,
                sentence="4 positive items of demo-gold have locale mt-MT, and at least 10 are needed",
            ),
        ),
        runs=tuple(
            BlessedRun(date=BLESSED - dt.timedelta(days=k), run=_run(DrawId.blessed("demo", BLESSED.isoformat(), k), blessed[:, k]))
            for k in range(20)
        ),
        threshold=0.41,
        labels=_window(BLESSED, 0.0, pool),
    )
    stored = tuple(
        _night(baseline, t, means[:, t], repeated=t + 1 in repeated, share=_share(drops, t), pool=pool)
        for t in range(nights)
        if t + 1 not in missed
    )
    state = fold_nights(baseline, stored, alpha=_PLAN.alpha, horizon=_PLAN.horizon_nights)
    taken = {
        one.key: Acknowledgement(alert=one.key, by="Ana <night>", at="2026-08-01T07:00:00+00:00") for one in state.episodes[:1]
    }
    return NightlyRecord(
        plan=_PLAN,
        baseline=baseline,
        nights=stored,
        state=state,
        explanations=tuple(_explained(one, pool) for one in state.episodes),
        figures=label_figures(baseline, stored),
        due=BLESSED + dt.timedelta(days=nights if due is None else due),
        acknowledged=taken if acknowledged else {},
    )


def _share(drops: Mapping[int, tuple[int, int, float]] | None, t: int) -> float:
    return 0.4 if any(first <= t + 1 <= last for first, last, _ in (drops or {}).values()) else 0.0


def _run(draw: DrawId, values: np.ndarray) -> StoredRun:
    named: dict[str, StreamValue] = {one.name: float(value) for one, value in zip(STREAMS, values, strict=True)}
    return StoredRun(id=draw, fit=f"{draw.index:02d}" * 32, training="t" * 64, threshold=0.41, values=named)


def _night(baseline: Baseline, t: int, values: np.ndarray, *, repeated: bool, share: float, pool: str) -> Night:
    date = BLESSED + dt.timedelta(days=t + 1)
    runs = () if repeated else tuple(_run(DrawId.night("demo", date, k), values + (0.002, -0.002)[k]) for k in range(2))
    return Night(
        plan="demo",
        baseline=baseline.digest,
        date=date,
        runs=runs,
        labels=_window(date, share, pool),
        repeat=Repeat(of=date - dt.timedelta(days=1)) if repeated else None,
    )


def _window(date: dt.date, share: float, pool: str) -> LabelWindow:
    end = dt.datetime(date.year, date.month, date.day, 3, tzinfo=dt.UTC)
    ratings = 6000 + 40 * (date.toordinal() % 7)
    lenient = int(share * ratings)
    return LabelWindow(
        start=end - dt.timedelta(days=28),
        end=end,
        digest="d" * 64,
        items=2000,
        leaked=12,
        ratings=ratings,
        raters=40,
        by={"pool": {"core@1": GroupCount(ratings=ratings - lenient, raters=20), pool: GroupCount(ratings=lenient, raters=20)}},
        figures={
            "volume": Measured(
                value=float(ratings),
                interval=NotMeasured(code=WhyNot.no_interval, sentence="a count of all ratings, not a sample"),
                n=ratings,
                unit="ratings",
            ),
            "agreement": Measured(
                value=0.62 - share / 4, interval=Interval(low=0.58 - share / 4, high=0.66 - share / 4), n=1900, unit=""
            ),
            "gold_accuracy": NotMeasured(code=WhyNot.no_gold, sentence="no rating of an item with gold in this window"),
            "positive_share": Measured(
                value=0.31 - share / 5, interval=Interval(low=0.29 - share / 5, high=0.33 - share / 5), n=ratings, unit="share"
            ),
        },
    )


def _explained(episode: Episode, pool: str) -> Explanation:
    question, stream = episode.stream.question, episode.stream
    level = _LEVELS[STREAMS.index(stream)]
    change = -stream.direction.sign * 0.071
    effect = EffectEstimate(
        question=question,
        direction=stream.direction,
        control=level,
        treatment=level + change,
        interval=Interval(low=change - 0.015, high=change + 0.015),
        p=0.0001,
        method="crossed, Welch",
        estimand=Estimand(
            items="items like those of the benchmark",
            raters="raters like these",
            training_items="draws of 400 items from 28 days",
            gold="gold of guideline hate@4",
            threshold="the baseline's mean threshold",
        ),
        n_items=600,
        n_clusters=600,
        n_runs=32,
        margin=stream.margin,
    )
    moved = GroupChange(
        grouping="pool",
        moved=0.4,
        shares=(ShareChange(value=pool, before=0.0, after=0.4), ShareChange(value="core@1", before=1.0, after=0.6)),
    )
    still = GroupChange(grouping="locale", moved=0.005, shares=(ShareChange(value="en-IN", before=0.5, after=0.505),))
    low = level + change / 9
    return Explanation(
        episode=episode,
        effect=effect,
        nights=(episode.opened, episode.opened + dt.timedelta(days=1)),
        figures=(
            FigureChange(
                name="agreement",
                before=Measured(value=0.62, interval=Interval(low=0.58, high=0.66), n=1900, unit=""),
                after=Measured(value=0.52, interval=Interval(low=0.48, high=0.56), n=1900, unit=""),
                moved=-1,
            ),
        ),
        groups=(moved, still),
        raters=NotEstimable(question=question, code=WhyNot.anonymous_raters, sentence="the ratings name no rater"),
        left_out=(
            LeftOut(
                grouping="pool",
                value=pool,
                gain=replace(effect, control=level + change, treatment=low, interval=_around(low - level - change)),
                remaining=replace(effect, treatment=low, interval=_around(low - level)),
            ),
        ),
        cause=Cause(grouping="pool", value=pool, confirmed=True, sentence=f"pool {pool} gave 0% of the ratings and gives 40%"),
    )


def _around(value: float) -> Interval:
    return Interval(low=value - 0.02, high=value + 0.02)
