"""The primary metric of every fit as a dot, by arm: how far the arms lie apart beside how much each varies."""

from dataclasses import dataclass

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.experiments import ArmName, ReplicateKind
from smo_pipelines.domain.phrases import level_of
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.report.forest import nice_step

__all__ = ["Dot", "Dots", "dots_of"]

_EDGE = 3.0


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One fit: its place in per cent of the axis, its arm, ``snapshot`` or ``redraw``, and what it is in words."""

    x: float
    arm: str
    kind: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Dots:
    """The plot, laid out: ticks as (place, text) and the means of the snapshot fits as (place, arm)."""

    dots: tuple[Dot, ...]
    ticks: tuple[tuple[float, str], ...]
    means: tuple[tuple[float, str], ...]
    description: str


def dots_of(record: ExperimentRecord) -> Dots | None:
    """Return the plot; None where no fit has the primary metric, or where no effect may be shown."""
    question = record.experiment.rule.primary.question
    runs = [run for run in record.replicates if question.label in run.metrics]
    if not runs or record.decision.verdict is Verdict.invalid:
        return None
    values = [run.metrics[question.label] for run in runs]
    step = nice_step((max(values) - min(values)) or 0.01)
    first, last = int(min(values) // step), int(-(-max(values) // step))
    last += first == last

    def place(value: float) -> float:
        return round(_EDGE + (value / step - first) / (last - first) * (100.0 - 2 * _EDGE), 2)

    def words(value: float) -> str:
        return level_of(question.metric, value)

    means = []
    for arm in ArmName:
        mine = [run.metrics[question.label] for run in runs if run.id.arm is arm and run.id.kind is ReplicateKind.snapshot]
        if mine:
            means.append((place(sum(mine) / len(mine)), arm.value))
    return Dots(
        dots=tuple(
            Dot(x=place(value), arm=run.id.arm.value, kind=run.id.kind.value, text=f"{run.id.label}: {words(value)}")
            for run, value in zip(runs, values, strict=True)
        ),
        ticks=tuple((place(k * step), words(k * step)) for k in range(first, last + 1)),
        means=tuple(means),
        description=f"{len(runs)} fits, from {words(min(values))} to {words(max(values))}",
    )
