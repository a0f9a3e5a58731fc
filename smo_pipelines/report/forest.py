"""The forest plot: every effect as a point and its interval on one axis, better to the right."""

import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from smo_pipelines.analysis.slices import SLICE_RATE, adjusted_slices
from smo_pipelines.domain.decisions import GuardrailStatus, Verdict
from smo_pipelines.domain.effects import Direction, EffectEstimate, NotEstimable, Question, Role
from smo_pipelines.domain.phrases import amount, change_with_interval, question_phrase, unit_of
from smo_pipelines.domain.records import ExperimentRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Forest", "ForestRow", "Mark", "draw_png", "forest_of", "forest_png", "laid_out", "nice_step"]

_EDGE = 3.0
"""Free room at both ends of the axis, in per cent of its width."""

_GROUPS = {
    Role.primary: "Primary",
    Role.guardrail: "Guardrails",
    Role.secondary: "Also measured",
    Role.slice: "Slices (exploratory)",
}
_PATCH = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
_COLOURS = {"better": "#1b7f4d", "worse": "#b3261e", "unclear": "#5b6472"}


@dataclass(frozen=True, kw_only=True)
class Mark:
    """A drawn interval, in improvement (points, positive is better) and as places on the axis in per cent of its width.

    ``limit`` is where the interval must not reach beyond: minus the margin of a guardrail, or the smallest effect of interest.
    """

    point: float
    low: float
    high: float
    limit: float | None
    x: float = 0.0
    x_low: float = 0.0
    x_high: float = 0.0
    x_limit: float | None = None


@dataclass(frozen=True, kw_only=True)
class ForestRow:
    """One line of the plot; ``mark`` is None where there is no number, or where its unit is not that of the axis."""

    group: str
    first: bool
    label: str
    value: str
    tone: str
    mark: Mark | None


@dataclass(frozen=True, kw_only=True)
class Forest:
    """The plot, laid out: rows from the top, and ticks as (place in per cent, text)."""

    rows: tuple[ForestRow, ...]
    ticks: tuple[tuple[float, str], ...]
    x_zero: float


def forest_of(record: ExperimentRecord) -> Forest | None:
    """Return the plot of a record; None when there is nothing that may be shown."""
    return laid_out(_rows(record))


def laid_out(rows: Sequence[ForestRow]) -> Forest | None:
    """Return rows on one axis that holds them all; None where no row has a mark."""
    if all(row.mark is None for row in rows):
        return None
    reach = max(abs(value) for row in rows if row.mark for value in (row.mark.low, row.mark.high, row.mark.limit or 0.0)) or 1.0
    step = nice_step(reach)
    edge = step * math.ceil(reach / step + 0.1)

    def place(value: float) -> float:
        return round(_EDGE + (value + edge) / (2 * edge) * (100.0 - 2 * _EDGE), 2)

    count = round(edge / step)
    ticks = tuple((place(k * step), f"{k * step:+g}" if k else "0") for k in range(-count, count + 1))
    return Forest(rows=tuple(_placed(row, place) for row in rows), ticks=ticks, x_zero=place(0.0))


def forest_png(record: ExperimentRecord) -> bytes:
    """Return the plot as a PNG picture, for places that cannot show the page; one sentence where nothing may be shown."""
    axis = "percentage points, better to the right; red tick: the margin of a guardrail"
    return draw_png(forest_of(record), title=f"{record.experiment.change.id}: {record.experiment.change.what}", axis=axis)


def draw_png(forest: Forest | None, *, title: str, axis: str) -> bytes:
    """Return a laid out plot as a PNG picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = forest.rows if forest else ()
    figure = Figure(figsize=(8, 1.4 + 0.55 * max(len(rows), 1)), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for height, row in enumerate(reversed(rows)):
        _draw(axes, height, row)
    if rows:
        axes.axvline(0, color="#9aa3ad", linewidth=1)
        axes.set_yticks(range(len(rows)), [_literal(row.label) for row in reversed(rows)], fontsize=8)
        axes.set_xlabel(axis, fontsize=8)
        axes.set_ylim(-0.6, len(rows) - 0.3)
    else:
        axes.text(
            0.5, 0.5, "No effect is shown: see the report for the reason.", ha="center", va="center", transform=axes.transAxes
        )
        axes.set_axis_off()
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_title(_literal(title), fontsize=10, loc="left", wrap=True)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: "Axes", height: int, row: ForestRow) -> None:
    colour = _COLOURS[row.tone]
    if row.mark is None:
        axes.text(0, height, row.value, fontsize=7, color=colour, ha="center", va="bottom", bbox=_PATCH)
        return
    axes.plot([row.mark.low, row.mark.high], [height, height], color=colour, linewidth=2, solid_capstyle="butt")
    axes.plot([row.mark.point], [height], "o", color=colour, markersize=6)
    axes.text(row.mark.point, height + 0.13, row.value, fontsize=7, color=colour, ha="center", va="bottom", bbox=_PATCH)
    if row.mark.limit is not None and row.mark.limit < 0:
        axes.plot([row.mark.limit] * 2, [height - 0.3, height + 0.3], color=_COLOURS["worse"], linewidth=1.5)


def _literal(text: str) -> str:
    # people write this; a dollar sign would start a formula
    return text.replace("\\", "/").replace("$", r"\$")[:110]


def _rows(record: ExperimentRecord) -> list[ForestRow]:
    if record.decision.verdict is Verdict.invalid:
        return []
    statuses = {outcome.question: outcome.status for outcome in record.decision.guardrails}
    among_slices = adjusted_slices(record.decision.effects)
    rows: list[ForestRow] = []
    for role, group in _GROUPS.items():
        effects = [effect for effect in record.decision.effects if effect.question.role is role]
        rows += [
            _row(record, effect, group, first=k == 0, tone=_tone(effect, statuses.get(effect.question), among_slices))
            for k, effect in enumerate(effects)
        ]
    return rows


def _row(record: ExperimentRecord, effect: EffectEstimate | NotEstimable, group: str, *, first: bool, tone: str) -> ForestRow:
    label = question_phrase(effect.question)
    if isinstance(effect, NotEstimable):
        return ForestRow(group=group, first=first, label=label, value="could not be computed", tone="unclear", mark=None)
    if effect.direction is Direction.lower_is_better:
        label += " (lower is better)"
    change, low, high = (text.replace("-", "−") for text in change_with_interval(effect))  # noqa: RUF001 -- a minus sign
    unit = unit_of(effect.question.metric)
    value = f"{change} ({low} to {high})"
    if not unit:
        return ForestRow(group=group, first=first, label=label, value=f"{value}, own unit", tone=tone, mark=None)
    better = effect.improvement_interval
    metric = effect.question.metric
    mark = Mark(
        point=amount(metric, effect.improvement),
        low=amount(metric, better.low),
        high=amount(metric, better.high),
        limit=_limit(record, effect.question, effect.margin),
    )
    return ForestRow(group=group, first=first, label=label, value=value, tone=tone, mark=mark)


def _limit(record: ExperimentRecord, question: Question, margin: float | None) -> float | None:
    if margin is not None:
        return -amount(question.metric, margin)
    if question.role is Role.primary:
        return amount(question.metric, record.experiment.rule.primary.smallest_effect_of_interest)
    return None


def _tone(effect: EffectEstimate | NotEstimable, status: GuardrailStatus | None, among_slices: Mapping[Question, float]) -> str:
    """Return the colour of a row; of a slice, one only where it stands among all slices."""
    if isinstance(effect, NotEstimable) or among_slices.get(effect.question, 0.0) > SLICE_RATE:
        return "unclear"
    if status is not None:
        tones = {GuardrailStatus.passed: "better", GuardrailStatus.harm: "worse"}
        return tones.get(status, "unclear")
    better = effect.improvement_interval
    return "better" if better.low > 0 else "worse" if better.high < 0 else "unclear"


def _placed(row: ForestRow, place: Callable[[float], float]) -> ForestRow:
    if row.mark is None:
        return row
    mark = row.mark
    limit = None if mark.limit is None else place(mark.limit)
    return replace(row, mark=replace(mark, x=place(mark.point), x_low=place(mark.low), x_high=place(mark.high), x_limit=limit))


def nice_step(reach: float) -> float:
    """Return the distance of ticks, 1, 2 or 5 times a power of ten, that puts about three on a stretch.

    Examples
    --------
    >>> nice_step(7.0), nice_step(0.02)
    (2.0, 0.005)
    """
    rough = reach / 3
    power = 10.0 ** math.floor(math.log10(rough))
    return min((factor * power for factor in (1.0, 2.0, 5.0, 10.0)), key=lambda step: abs(step - rough))
