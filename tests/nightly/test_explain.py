"""What is known of an episode: how big, since when, what changed in the labels, and which group is behind it."""

import dataclasses
import datetime as dt
from pathlib import Path

import pytest

from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.domain.episodes import AlarmKind, Cause, ChangePoint, Episode, Explanation, GroupChange, LeftOut, ShareChange
from smo_pipelines.domain.nightly_phrases import explanation_lines
from smo_pipelines.errors import UnknownName
from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.causes import name_cause
from smo_pipelines.nightly.explain import explain_episode, leave_out
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.materials import gather
from smo_pipelines.nightly.night import nights_of
from tests.examples.nights import day, plan_of
from tests.nightly.conftest import SWAPPED


@pytest.fixture(scope="module")
def explained(swapped_project: Path) -> tuple[Workspace, Explanation]:
    workspace = open_workspace(swapped_project)
    plan = plan_of(workspace)
    first = next(one for one in fold_state(workspace, plan).episodes if one.kind is AlarmKind.drift)
    return workspace, explain_episode(workspace, plan, first.key, until=first.opened)


def test_the_pool_that_came_is_named(explained: tuple[Workspace, Explanation]) -> None:
    _, told = explained
    assert isinstance(told.cause, Cause)
    assert (told.cause.grouping, told.cause.value) == ("pool", "vendor-lenient")
    pool = told.groups[0]
    assert pool.grouping == "pool" and pool.moved == pytest.approx(pool.grew.after) and pool.began == day(SWAPPED + 2)  # type: ignore[union-attr]
    assert {share.value: share.before for share in pool.shares} == {"core": 1.0, "vendor-lenient": 0.0}
    assert not isinstance(told.raters, NotEstimable) and told.raters.joined > 0


def test_since_when_and_how_big(explained: tuple[Workspace, Explanation]) -> None:
    workspace, told = explained
    since = told.episode.since
    assert isinstance(since, ChangePoint)
    assert day(SWAPPED) < since.first <= told.episode.opened
    assert told.nights[0] == since.first and told.nights[-1] == told.episode.opened
    effect = told.effect
    assert isinstance(effect, EffectEstimate)
    baseline = current_baseline(workspace, plan_of(workspace))
    stream = told.episode.stream
    assert effect.control == pytest.approx(baseline.mean(stream), abs=1e-12)
    nights = [night for night in nights_of(workspace, baseline) if night.date in told.nights]
    values = [run.values[stream.name] for night in nights for run in night.runs]
    assert effect.treatment == pytest.approx(sum(values) / len(values), abs=1e-12)  # type: ignore[arg-type]
    assert effect.interval.high < -stream.margin / 2 and effect.n_runs == 20 + len(values)


def test_labels_are_compared_with_those_of_the_blessing(explained: tuple[Workspace, Explanation]) -> None:
    moved = {figure.name: figure.moved for figure in explained[1].figures}
    assert moved["gold_accuracy"] == -1 and moved["agreement"] == -1
    assert set(moved) == {"volume", "agreement", "gold_accuracy", "positive_share"}


def test_it_is_said_in_sentences_without_a_rater_or_a_text(explained: tuple[Workspace, Explanation]) -> None:
    workspace, told = explained
    said = "\n".join(explanation_lines(told))
    assert "pool vendor-lenient" in said and "Change against the baseline" in said and "95% interval" in said
    assert "nan" not in said
    raters = workspace.tables.rating_count("demo") and _raters(workspace)
    assert not [rater for rater in raters if rater in said]


def _raters(workspace: Workspace) -> list[str]:
    with workspace.tables.views("demo") as views:
        return [rater for (rater,) in views.rows("select rater_id from raters")]


def test_nights_can_be_drawn_without_a_group_while_there_are_enough_other_ratings(swapped: Workspace) -> None:
    """Of the windows of days 34 to 36 the first two still hold enough items that the old pool rated."""
    plan = plan_of(swapped)
    baseline, materials = current_baseline(swapped, plan), gather(swapped, plan)
    nights = [night for night in nights_of(swapped, baseline) if day(34) <= night.date <= day(37)]
    episode = fold_state(swapped, plan).episodes[0]
    told = leave_out(materials, baseline, nights, episode, "pool", "vendor-lenient")
    assert isinstance(told.gain, EffectEstimate) and isinstance(told.remaining, EffectEstimate)
    used = [night for night in nights if night.date <= day(35)]
    values = [run.values[episode.stream.name] for night in used for run in night.runs]
    assert told.gain.n_runs == 2 * len(values) == 8 and told.remaining.n_runs == 20 + 4
    assert told.gain.control == pytest.approx(sum(values) / len(values), abs=1e-12)  # type: ignore[arg-type]
    assert told.remaining.control == pytest.approx(baseline.mean(episode.stream), abs=1e-12)
    assert told.gain.treatment == told.remaining.treatment
    late = leave_out(materials, baseline, nights[-1:], episode, "pool", "vendor-lenient")
    assert isinstance(late.gain, NotEstimable) and late.gain.code is WhyNot.few_items


def test_an_episode_that_is_not_there(swapped: Workspace) -> None:
    with pytest.raises(UnknownName, match="unknown episode"):
        explain_episode(swapped, plan_of(swapped), "no-such-episode")


FIRST = dt.date(2026, 4, 10)


def effect(stream_effect: EffectEstimate, change: float, half: float) -> EffectEstimate:
    interval = Interval(low=change - half, high=change + half)
    return dataclasses.replace(stream_effect, treatment=stream_effect.control + change, interval=interval)


def group(name: str, change: float, began: dt.date = FIRST) -> GroupChange:
    shares = (
        ShareChange(value=f"new {name}", before=0.0, after=change),
        ShareChange(value=f"old {name}", before=1.0, after=1.0 - change),
    )
    return GroupChange(grouping=name, moved=change, shares=shares, began=began)


def test_when_a_cause_is_named(explained: tuple[Workspace, Explanation]) -> None:
    told = explained[1]
    assert isinstance(told.effect, EffectEstimate)
    since = ChangePoint(first=FIRST, earliest=FIRST - dt.timedelta(days=2), latest=FIRST + dt.timedelta(days=2))
    episode: Episode = dataclasses.replace(told.episode, since=since)
    gain, flat = effect(told.effect, 0.1, 0.04), effect(told.effect, -0.01, 0.02)
    lost = NotEstimable(question=told.effect.question, code=WhyNot.few_items, sentence="too few items")

    def left(name: str, gained: EffectEstimate | NotEstimable, remaining: EffectEstimate | NotEstimable) -> LeftOut:
        return LeftOut(grouping=name, value=f"new {name}", gain=gained, remaining=remaining)

    pool, locale = group("pool", 0.3), group("locale", 0.06)
    named = name_cause(episode, [pool, locale], [left("pool", gain, flat), left("locale", flat, flat)])
    assert isinstance(named, Cause) and named.confirmed and named.value == "new pool"
    small = name_cause(episode, [pool, locale], [left("pool", flat, flat), left("locale", gain, flat)])
    assert isinstance(small, Cause) and small.value == "new locale", "who undoes the loss counts, not who moved most"
    both = name_cause(episode, [pool, locale], [left("pool", gain, flat), left("locale", gain, flat)])
    assert isinstance(both, NotEstimable) and both.code is WhyNot.several_changes
    untried = name_cause(episode, [pool, locale], [left("pool", lost, lost)])
    assert isinstance(untried, Cause) and not untried.confirmed
    against = name_cause(episode, [pool, locale], [left("pool", flat, flat)])
    assert isinstance(against, NotEstimable) and "no better" in against.sentence
    unclear = name_cause(episode, [pool, group("locale", 0.2)], [])
    assert isinstance(unclear, NotEstimable) and unclear.code is WhyNot.several_changes
    late = name_cause(episode, [group("pool", 0.3, FIRST + dt.timedelta(days=3))], [left("pool", gain, flat)])
    assert isinstance(late, NotEstimable), "what came after the change did not cause it"
    usual = name_cause(episode, [dataclasses.replace(pool, ordinary=0.4)], [left("pool", gain, flat)])
    assert isinstance(usual, NotEstimable), "it moves as much on quiet nights"
