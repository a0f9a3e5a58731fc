"""Whether a candidate may become champion: its experiment says ship, and the nightly guardrails hold for production and for it."""

import datetime as dt
from collections.abc import Iterator, Mapping

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import NotEstimable
from smo_pipelines.domain.episodes import NightlyState
from smo_pipelines.domain.nights import StreamValue
from smo_pipelines.domain.phrases import VERDICT_WORDS, level_of, stream_phrase
from smo_pipelines.domain.promotion import GateCheck

__all__ = ["OLDEST_NIGHT", "judge_candidate", "judge_decision", "judge_nights"]

OLDEST_NIGHT = 2
"""Days: guardrails that nobody looked at since do not hold, they are unknown."""


def judge_decision(verdict: Verdict | None, *, experiment: str, null_test: bool) -> GateCheck:
    """Return whether the experiment decided to ship; None is an experiment without a decision."""
    if null_test:
        said, passed = f"{experiment} is an A/A test: its arms do not differ, so there is nothing to promote", False
    elif verdict is None:
        said, passed = f"{experiment} has no decision yet: `smo run {experiment}` gives one", False
    else:
        passed = verdict is Verdict.ship
        word = VERDICT_WORDS[verdict]
        said = f"the decision of {experiment} is {word}" + ("" if passed else ", and only SHIP may be promoted")
    return GateCheck(name="decision", passed=passed, sentence=said)


def judge_nights(state: NightlyState, *, due: dt.date) -> tuple[GateCheck, ...]:
    """Return whether the nightly guardrails of production hold: nights that ran, no open episode, no floor broken.

    Parameters
    ----------
    due : date
        The newest night that is due.
    """
    return tuple(_nights(state, due))


def judge_candidate(state: NightlyState, values: Mapping[str, StreamValue]) -> GateCheck:
    """Return whether the candidate itself keeps the floors of the plan's streams.

    Parameters
    ----------
    values : mapping of stream name to float or NotEstimable
        The mean over the candidate's own replicates; a floor that cannot be checked does not hold.
    """
    floored = [one.stream for one in state.streams if one.stream.floor is not None]
    wrong: list[str] = []
    for stream in floored:
        value, metric, floor = values.get(stream.name), stream.question.metric, stream.floor
        if not isinstance(value, float) or floor is None:
            why = value.sentence.rstrip(".") if isinstance(value, NotEstimable) else "it was not measured"
            wrong.append(f"{stream_phrase(stream)} of the candidate is not known ({why})")
        elif stream.below_floor(value):
            wrong.append(
                f"{stream_phrase(stream)} of the candidate is {level_of(metric, value)}, beyond the floor {level_of(metric, floor)}"
            )
    if wrong:
        return GateCheck(name="candidate", passed=False, sentence="; ".join(wrong))
    names = ", ".join(stream_phrase(one) for one in floored)
    held = f"the candidate keeps its floors: {names}" if names else "no stream has a floor that the candidate could break"
    return GateCheck(name="candidate", passed=True, sentence=held)


def _nights(state: NightlyState, due: dt.date) -> Iterator[GateCheck]:
    if state.newest is None:
        yield GateCheck(
            name="nights", passed=False, sentence=f"no night of plan {state.plan} has run: `smo nightly {state.plan}` runs one"
        )
        return
    age = (due - state.newest).days
    recent = age <= OLDEST_NIGHT
    yield GateCheck(
        name="nights",
        passed=recent,
        sentence=f"the newest night of plan {state.plan} is of {state.newest.isoformat()}"
        + ("" if recent else f", {age} nights ago: `smo nightly {state.plan}` catches up"),
    )
    episodes = state.open_episodes
    names = "; ".join(f"{stream_phrase(one.stream)} since {one.opened.isoformat()}" for one in episodes)
    said = f"{len(episodes)} episode{'s are' if len(episodes) != 1 else ' is'} open: {names}" if episodes else "no episode is open"
    yield GateCheck(name="episodes", passed=not episodes, sentence=said)
    broken = [
        f"{stream_phrase(one.stream)} is {level_of(one.stream.question.metric, one.newest.value)}"
        for one in state.streams
        if one.newest is not None and isinstance(one.newest.value, float) and one.stream.below_floor(one.newest.value)
    ]
    said = f"a floor is broken: {'; '.join(broken)}" if broken else "every floor holds"
    yield GateCheck(name="floors", passed=not broken, sentence=said)
