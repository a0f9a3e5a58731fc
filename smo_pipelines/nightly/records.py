"""Baselines and nights in the store: facts alone, so that the same runs give the same bytes."""

import datetime as dt
from collections.abc import Mapping
from typing import Any

from smo_pipelines.domain.digests import short
from smo_pipelines.domain.effects import Direction, Interval, NotEstimable, Question, Role, ThresholdKind, WhyNot
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nights import Baseline, BlessedRun, DrawId, GroupCount, LabelWindow, Night, Repeat, StoredRun, StreamValue
from smo_pipelines.domain.quality import Measured, NotMeasured
from smo_pipelines.store import ResultStore

__all__ = ["find_night", "put_baseline", "put_night", "stored_baselines"]

_BASELINES = "nightly-baselines"
_NIGHTS = "nightly-nights"


def stored_baselines(store: ResultStore, plan: str) -> tuple[Baseline, ...]:
    """Return every baseline of a plan, in the order in which they were blessed."""
    found: list[Baseline] = []
    while (entry := store.find(_BASELINES, f"{plan}.{len(found):04d}")) is not None:
        found.append(_baseline(entry.meta))
    return tuple(found)


def put_baseline(store: ResultStore, baseline: Baseline) -> None:
    """Store a baseline after those that are there."""
    meta = {
        "plan": baseline.plan,
        "id": baseline.id,
        "date": baseline.date.isoformat(),
        "known_at_blessing": baseline.known_at_blessing,
        "seen_at": None if baseline.seen_at is None else baseline.seen_at.isoformat(),
        "parts": dict(baseline.parts),
        "streams": [_stream_json(stream) for stream in baseline.streams],
        "unwatched": [_why_json(why) for why in baseline.unwatched],
        "runs": [{"date": run.date.isoformat(), **_run_json(run.run)} for run in baseline.runs],
        "threshold": baseline.threshold,
        "labels": _window_json(baseline.labels),
    }
    store.put(_BASELINES, f"{baseline.plan}.{len(stored_baselines(store, baseline.plan)):04d}", meta=meta)


def put_night(store: ResultStore, night: Night) -> Night:
    """Store a night and return the one that is stored: the first, where there was one."""
    meta = {
        "plan": night.plan,
        "baseline": night.baseline,
        "date": night.date.isoformat(),
        "runs": [_run_json(run) for run in night.runs],
        "labels": _why_json(night.labels) if isinstance(night.labels, NotEstimable) else _window_json(night.labels),
        "not_drawn": None if night.not_drawn is None else _why_json(night.not_drawn),
        "repeat": None if night.repeat is None else {"of": night.repeat.of.isoformat(), "differs": list(night.repeat.differs)},
    }
    return _night(store.put(_NIGHTS, _night_key(night.plan, night.baseline, night.date), meta=meta).meta)


def find_night(store: ResultStore, baseline: Baseline, date: dt.date) -> Night | None:
    """Return the night of a date under a baseline, or None while it has not been run."""
    entry = store.find(_NIGHTS, _night_key(baseline.plan, baseline.digest, date))
    return None if entry is None else _night(entry.meta)


def _night_key(plan: str, baseline: str, date: dt.date) -> str:
    return f"{plan}.{short(baseline)}.{date.isoformat()}"


def _baseline(meta: Mapping[str, Any]) -> Baseline:
    return Baseline(
        plan=meta["plan"],
        id=meta["id"],
        date=dt.date.fromisoformat(meta["date"]),
        known_at_blessing=meta["known_at_blessing"],
        seen_at=None if meta["seen_at"] is None else dt.datetime.fromisoformat(meta["seen_at"]),
        parts=meta["parts"],
        streams=tuple(_stream(one) for one in meta["streams"]),
        unwatched=tuple(_why(one) for one in meta["unwatched"]),
        runs=tuple(BlessedRun(date=dt.date.fromisoformat(one["date"]), run=_run(one)) for one in meta["runs"]),
        threshold=meta["threshold"],
        labels=_window(meta["labels"]),
    )


def _night(meta: Mapping[str, Any]) -> Night:
    repeat, labels = meta["repeat"], meta["labels"]
    return Night(
        plan=meta["plan"],
        baseline=meta["baseline"],
        date=dt.date.fromisoformat(meta["date"]),
        runs=tuple(_run(one) for one in meta["runs"]),
        labels=_why(labels) if "code" in labels else _window(labels),
        not_drawn=None if meta["not_drawn"] is None else _why(meta["not_drawn"]),
        repeat=None if repeat is None else Repeat(of=dt.date.fromisoformat(repeat["of"]), differs=tuple(repeat["differs"])),
    )


def _question_json(question: Question) -> dict[str, str]:
    return {name: str(getattr(question, name)) for name in ("metric", "on", "gold", "items", "threshold", "role")}


def _question(data: Mapping[str, str]) -> Question:
    plain = {name: data[name] for name in ("metric", "on", "gold", "items")}
    return Question(**plain, threshold=ThresholdKind(data["threshold"]), role=Role(data["role"]))


def _stream_json(stream: Stream) -> dict[str, Any]:
    own = {"direction": str(stream.direction), "margin": stream.margin, "floor": stream.floor}
    return {"question": _question_json(stream.question), **own}


def _stream(data: Mapping[str, Any]) -> Stream:
    question, direction = _question(data["question"]), Direction(data["direction"])
    return Stream(question=question, direction=direction, margin=data["margin"], floor=data["floor"])


def _why_json(why: NotEstimable) -> dict[str, Any]:
    return {"question": _question_json(why.question), "code": str(why.code), "sentence": why.sentence, "counts": dict(why.counts)}


def _why(data: Mapping[str, Any]) -> NotEstimable:
    return NotEstimable(
        question=_question(data["question"]), code=WhyNot(data["code"]), sentence=data["sentence"], counts=data["counts"]
    )


def _value_json(value: StreamValue) -> Any:
    return _why_json(value) if isinstance(value, NotEstimable) else value


def _run_json(run: StoredRun) -> dict[str, Any]:
    name = {part: getattr(run.id, part) for part in ("plan", "occasion", "of", "index")}
    values = {stream: _value_json(value) for stream, value in run.values.items()}
    return {"run": name, "fit": run.fit, "training": run.training, "threshold": run.threshold, "values": values}


def _run(data: Mapping[str, Any]) -> StoredRun:
    values = {stream: _why(value) if isinstance(value, dict) else float(value) for stream, value in data["values"].items()}
    return StoredRun(
        id=DrawId(**data["run"]), fit=data["fit"], training=data["training"], threshold=data["threshold"], values=values
    )


def _window_json(window: LabelWindow) -> dict[str, Any]:
    plain = {name: getattr(window, name) for name in ("digest", "items", "leaked", "ratings", "raters")}
    moments = {"start": window.start.isoformat(), "end": window.end.isoformat()}
    by = {name: {value: [one.ratings, one.raters] for value, one in counts.items()} for name, counts in window.by.items()}
    return {**plain, **moments, "by": by, "figures": {name: _figure_json(told) for name, told in window.figures.items()}}


def _window(data: Mapping[str, Any]) -> LabelWindow:
    start, end = (dt.datetime.fromisoformat(data[name]) for name in ("start", "end"))
    figures = {name: _figure(told) for name, told in data["figures"].items()}
    plain = {name: data[name] for name in ("digest", "items", "leaked", "ratings", "raters")}
    by = {
        name: {value: GroupCount(ratings=ratings, raters=raters) for value, (ratings, raters) in counts.items()}
        for name, counts in data["by"].items()
    }
    return LabelWindow(**plain, start=start, end=end, by=by, figures=figures)


def _not_measured_json(told: NotMeasured) -> dict[str, Any]:
    return {"code": str(told.code), "sentence": told.sentence, "counts": dict(told.counts)}


def _not_measured(data: Mapping[str, Any]) -> NotMeasured:
    return NotMeasured(code=WhyNot(data["code"]), sentence=data["sentence"], counts=data["counts"])


def _figure_json(told: Measured | NotMeasured) -> dict[str, Any]:
    if isinstance(told, NotMeasured):
        return _not_measured_json(told)
    if isinstance(told.interval, NotMeasured):
        interval: dict[str, Any] = _not_measured_json(told.interval)
    else:
        interval = {"low": told.interval.low, "high": told.interval.high, "level": told.interval.level}
    return {"value": told.value, "interval": interval, "n": told.n, "unit": told.unit}


def _figure(data: Mapping[str, Any]) -> Measured | NotMeasured:
    if "code" in data:
        return _not_measured(data)
    interval = data["interval"]
    told = _not_measured(interval) if "code" in interval else Interval(**interval)
    return Measured(value=data["value"], interval=told, n=data["n"], unit=data["unit"])
