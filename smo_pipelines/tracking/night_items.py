"""What the tracker is sent for a plan's nights under one baseline; pure, so that what is logged can be tested without a tracker."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from smo_pipelines.domain.digests import canonical_json, digest_of, short
from smo_pipelines.domain.effects import Interval, NotEstimable
from smo_pipelines.domain.episodes import NightlyState, StreamState
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nightly_phrases import (
    cause_sentence,
    effect_sentence,
    explanation_lines,
    since_sentence,
    state_sentence,
    state_word,
)
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.domain.nights import LabelWindow, Night
from smo_pipelines.domain.phrases import amount, level_of, stream_phrase, unit_of
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, Measured
from smo_pipelines.tracking.items import (
    MAX_PARAM,
    MAX_RUN_NAME,
    Artifact,
    Dataset,
    Metric,
    Param,
    Tag,
    cut,
    dataset_digest,
    finite_metrics,
    key_part,
)
from smo_pipelines.tracking.note import fit, plain

__all__ = ["NIGHTLY_PAGE", "NightItems", "NightPoints", "night_items", "nightly_experiment"]

NIGHTLY_PAGE = "report/nightly.html"
"""Where the page is among a run's artifacts."""

_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class NightPoints:
    """The numbers of one night: ``step`` is its date as an ordinal (days since the year 1), ``at_ms`` the moment it was due."""

    date: str
    step: int
    at_ms: int
    metrics: tuple[Metric, ...]


@dataclass(frozen=True, kw_only=True)
class NightItems:
    """Everything to send for a baseline: one run of the tracker, found again by the baseline's digest.

    Attributes
    ----------
    blessed : str
        The date of the blessing: of two baselines of a plan the later is the one that is watched.
    last_tags : tuple of Tag
        Written after everything else, in one batch.
    """

    experiment_name: str
    plan: str
    baseline: str
    blessed: str
    run_name: str
    first_tags: tuple[Tag, ...]
    params: tuple[Param, ...]
    points: tuple[NightPoints, ...]
    datasets: tuple[Dataset, ...]
    artifacts: tuple[Artifact, ...]
    last_tags: tuple[Tag, ...]

    @cached_property
    def digest(self) -> str:
        """Equal for two records that say the same."""
        files = [(one.path, digest_of(one.content.hex())) for one in self.artifacts]
        return digest_of([self.points, self.last_tags, files])

    def points_digest(self, through: str) -> str:
        """Return the name of what is said of the nights up to a date: what was sent before must still be true."""
        return digest_of([one for one in self.points if one.date <= through])


def nightly_experiment(area: str) -> str:
    """Return the tracker's experiment that holds the nights of a policy area."""
    return f"smo/{area}/nightly"


def night_items(record: NightlyRecord, page: str) -> NightItems:
    """Return everything that is logged of a plan's nights.

    Parameters
    ----------
    page : str
        The nightly page, drawn elsewhere.
    """
    plan, baseline = record.plan, record.baseline
    identity = {
        "plan": plan.id,
        "baseline": baseline.id,
        "smo.role": "nightly",
        "smo.area": plan.area,
        "smo.plan": plan.id,
        "smo.baseline": baseline.digest,
        "smo.blessed": baseline.date.isoformat(),
    }
    return NightItems(
        experiment_name=nightly_experiment(plan.area),
        plan=plan.id,
        baseline=baseline.digest,
        blessed=baseline.date.isoformat(),
        run_name=cut(f"{plan.id} since {baseline.id}", MAX_RUN_NAME),
        first_tags=_tags({**identity, "state": "NO NIGHT YET", "smo.state": "writing"}),
        params=tuple(_params(record)),
        points=tuple(_points(record)),
        datasets=(
            Dataset(
                name=f"labels/{plan.area}",
                digest=dataset_digest(baseline.labels.digest),
                context="baseline",
                source=baseline.labels.digest,
            ),
        ),
        artifacts=(
            Artifact(path=NIGHTLY_PAGE, content=page.encode()),
            Artifact(path="audit/episodes.json", content=_episodes_json(record)),
        ),
        last_tags=(
            *_tags({**identity, **_lead(record), "smo.state": "watching"}),
            Tag(key="mlflow.note.content", value=_note(record)),
        ),
    )


def _tags(values: dict[str, str]) -> tuple[Tag, ...]:
    return tuple(Tag(key=key, value=value) for key, value in values.items() if value)


def _lead(record: NightlyRecord) -> dict[str, str]:
    state = record.state
    told = "; ".join(f"{stream_phrase(one.stream)} since {one.opened.isoformat()}" for one in state.open_episodes)
    return {
        "state": state_word(record),
        "newest": "none" if state.newest is None else state.newest.isoformat(),
        "episodes": cut(f"{len(state.open_episodes)} open: {told}" if told else f"0 open, {len(state.episodes)} in all", _LONGEST),
        "missed": f"{len(record.missing)} of {len(record.missing) + len(record.nights)} nights",
    }


def _params(record: NightlyRecord) -> Iterator[Param]:
    plan, baseline = record.plan, record.baseline
    values: dict[str, object] = {
        "baseline.id": baseline.id,
        "baseline.runs": len(baseline.runs),
        "baseline.threshold": repr(baseline.threshold),
        "nightly.alpha": plan.alpha,
        "nightly.horizon_nights": plan.horizon_nights,
        "nightly.runs": plan.runs,
        "nightly.items": plan.items,
        "nightly.window_days": plan.window_days,
        "train.classifier": plan.classifier.name,
    }
    for number, state in enumerate(record.state.streams, start=1):
        values[f"stream.{number:02d}"] = _stream_words(state)
    values |= {f"part.{key_part(name)}": part for name, part in baseline.parts.items()}
    for name, value in values.items():
        yield Param(key=name, value=cut(str(value), MAX_PARAM))


def _stream_words(state: StreamState) -> str:
    stream, metric = state.stream, state.stream.question.metric
    floor = "no floor" if stream.floor is None else f"floor {level_of(metric, stream.floor)}"
    margin = f"{amount(metric, stream.margin):g} {unit_of(metric)}".rstrip()
    return f"{stream_phrase(stream)}: baseline {level_of(metric, state.baseline_mean)}, margin {margin}, {floor}"


def _points(record: NightlyRecord) -> Iterator[NightPoints]:
    states = [(one, {point.date: point for point in one.nights}) for one in record.state.streams]
    drifts = _compared(record)
    for night in record.nights:
        found = [*_alarm(record.state, night)]
        shares = [by_date[night.date].statistic / state.threshold for state, by_date in states]
        found += [("0 alarm/largest share of threshold", share) for share in sorted(shares)[-1:]]
        for state, by_date in states:
            point = by_date[night.date]
            found.append((f"0 alarm/e-value {key_part(state.stream.name)}", point.statistic))
            if not isinstance(point.value, NotEstimable):
                found.append((_bench(state.stream), point.value))
        found += _labels(night)
        found += drifts.get(night.date, [])
        metrics, _ = finite_metrics(found)
        moment = record.plan.schedule.moment(night.date)
        yield NightPoints(
            date=night.date.isoformat(), step=night.date.toordinal(), at_ms=int(moment.timestamp() * 1000), metrics=metrics
        )


def _alarm(state: NightlyState, night: Night) -> Iterator[tuple[str, float]]:
    lasting = sum(one.opened <= night.date and (one.closed is None or one.closed > night.date) for one in state.episodes)
    # 0: quiet; 1: this night says nothing new; 2: an episode is open
    yield "0 alarm/state", 2.0 if lasting else 0.0 if night.runs else 1.0
    yield "0 alarm/open episodes", float(lasting)
    if state.streams:
        yield "0 alarm/threshold", state.streams[0].threshold


def _labels(night: Night) -> Iterator[tuple[str, float]]:
    if not isinstance(night.labels, LabelWindow) or night.labels.raters < FEWEST_RATERS_SHOWN:
        return
    for name, told in night.labels.figures.items():
        if isinstance(told, Measured):
            yield f"4 label/{key_part(name)}", told.value
            if isinstance(told.interval, Interval):
                yield f"4 label/{key_part(name)} ci low", told.interval.low
                yield f"4 label/{key_part(name)} ci high", told.interval.high


def _compared(record: NightlyRecord) -> dict[dt.date, list[tuple[str, float]]]:
    """Return the figures that compare a night's labels with the blessing's, which no night holds by itself, by date."""
    labelled = [night for night in record.nights if isinstance(night.labels, LabelWindow)]
    if not labelled or not isinstance(newest := labelled[-1].labels, LabelWindow):
        return {}
    found: dict[dt.date, list[tuple[str, float]]] = {}
    for figure in record.figures:
        if figure.name not in newest.figures:
            for date, told in ((labelled[-1].date, figure.now), *figure.history):
                if isinstance(told, Measured):
                    found.setdefault(date, []).append((f"4 label/{key_part(figure.name)}", told.value))
    return found


def _bench(stream: Stream) -> str:
    question = stream.question
    where = [
        question.on,
        *([f"[gold {question.gold}]"] if question.gold else []),
        *([] if question.items == "all" else [question.items]),
    ]
    at = " at the baseline threshold" if stream.at_baseline else ""
    return f"bench/{key_part(' '.join(where))}/{key_part(question.metric)}{at}"


def _note(record: NightlyRecord) -> str:
    lines = [f"{state_word(record)} - {plain(state_sentence(record))}.", ""]
    for episode in record.state.open_episodes:
        explained = record.explained(episode)
        taken = record.acknowledged.get(episode.key)
        lines.append(
            f"- {plain(stream_phrase(episode.stream))}, alarm on {episode.opened.isoformat()}. {plain(since_sentence(episode))}."
        )
        if explained is not None:
            lines += [f"  {plain(text)}." for text in (effect_sentence(explained), cause_sentence(explained))]
        lines.append(f"  Alert {episode.key}: {'taken over by ' + plain(taken.by) if taken else 'taken over by nobody yet'}.")
    if record.missing:
        lines += ["", f"{len(record.missing)} nights did not run, the last of {record.missing[-1].isoformat()}."]
    lines += [
        "",
        f"Each point is one night; its step is the date as an ordinal. The evidence (e-value) of a number alarms at the threshold: the chance "
        f"of any false alarm within {record.plan.horizon_nights} nights is at most {record.plan.alpha:g}.",
        "",
        f"Nightly page: artifact {NIGHTLY_PAGE}. Baseline {short(record.baseline.digest)}, blessed {record.baseline.id}.",
    ]
    return fit(lines)


def _episodes_json(record: NightlyRecord) -> bytes:
    found = [
        {
            "key": one.key,
            "stream": one.stream.name,
            "kind": one.kind.value,
            "opened": one.opened.isoformat(),
            "closed": None if one.closed is None else one.closed.isoformat(),
            "since": since_sentence(one),
            "explained": None if (told := record.explained(one)) is None else explanation_lines(told),
        }
        for one in record.state.episodes
    ]
    return canonical_json(found).encode()
