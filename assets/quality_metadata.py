"""The quality of labels as Dagster shows it: numbers to plot, one table to read, and a check a key figure.

Groups of fewer than five raters are left out: the user interface is a page that others read.
"""

from collections.abc import Sequence

import dagster as dg

from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.kpis import KpiOutcome, KpiStatus, worst_first
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, MEASURES, Measure, Measured, NotMeasured, QualityGroup, value_in_words

__all__ = ["SHOWN", "check_result", "plotted", "quality_table"]

SHOWN = (
    Measure.alpha,
    Measure.gold_accuracy,
    Measure.skip_rate,
    Measure.acceptance,
    Measure.cost_per_consensus_item,
    Measure.median_duration,
)
"""What is measured here; ``smo quality`` has the others. Six measures with their intervals stay below the 100 names that are plotted."""


def plotted(groups: Sequence[QualityGroup]) -> dict[str, float | str]:
    """Return ``<group>/<measure>`` with its ends, names that stay from run to run; what has no value has a sentence and no number."""
    found: dict[str, float | str] = {}
    for group in groups:
        name = _plain(group)
        if not group.shareable:
            found[f"{name}/not shown"] = f"fewer than {FEWEST_RATERS_SHOWN} raters"
            continue
        found |= {f"{name}/ratings": group.ratings, f"{name}/raters": group.raters}
        for measure, told in group.measures.items():
            found |= _numbers(f"{name}/{measure}", told)
    return found


def quality_table(groups: Sequence[QualityGroup]) -> str:
    """Return the groups as a markdown table; what has no value, or no interval, has a number of a reason below it."""
    shown = [group for group in groups if group.shareable]
    reasons: dict[str, int] = {}
    heads = ["group", "ratings", "raters", *(MEASURES[measure].title for measure in SHOWN)]
    lines = [_row(heads), _row(["---"] * len(heads))]
    for group in shown:
        cells = [_cell(group.measures[measure], reasons) for measure in SHOWN]
        lines.append(_row([_escaped(group.name), f"{group.ratings:,}", f"{group.raters:,}", *cells]))
    notes = [f"({number}) {_escaped(reason)}" for reason, number in reasons.items()]
    hidden = len(groups) - len(shown)
    if hidden:
        notes.append(f"{hidden} {'group is' if hidden == 1 else 'groups are'} not shown: fewer than {FEWEST_RATERS_SHOWN} raters")
    table = "\n".join(lines) if shown else ""
    return "\n\n".join(part for part in ("Each value with its 95% interval.", table, *notes) if part)


def check_result(name: str, outcomes: Sequence[KpiOutcome]) -> dg.AssetCheckResult:
    """Return how a key figure stands: the worst of its groups, each in one sentence.

    Beyond the limit is an error and a missed target a warning; neither stops anything. What is not known passes and says why.
    """
    shown = [outcome for outcome in outcomes if outcome.shareable]
    ranked = worst_first(shown)
    sentences = [f"{outcome.status}: {outcome.sentence}" for outcome in ranked]
    if hidden := len(outcomes) - len(shown):
        sentences.append(f"{hidden} with fewer than {FEWEST_RATERS_SHOWN} raters: only `smo kpis` tells")
    metadata: dict[str, float | str] = {}
    for outcome in shown:
        metadata |= _kpi_metadata(outcome)
    worst = ranked[0].status if ranked else KpiStatus.not_known
    return dg.AssetCheckResult(
        check_name=name,
        passed=worst in (KpiStatus.met, KpiStatus.not_known),
        severity=dg.AssetCheckSeverity.ERROR if worst is KpiStatus.beyond_limit else dg.AssetCheckSeverity.WARN,
        description="\n".join(sentences) or "the file of key figures no longer has it; reload the code location",
        metadata=metadata,
    )


def _kpi_metadata(outcome: KpiOutcome) -> dict[str, float | str]:
    prefix = "".join(f"{name} {value or '(none)'}/" for name, value in outcome.keys)
    kpi = outcome.kpi
    found: dict[str, float | str] = {"target": float(kpi.target)}
    if kpi.limit is not None:
        found["limit"] = float(kpi.limit)
    found |= {f"{prefix}status": str(outcome.status), f"{prefix}trend": str(outcome.trend)}
    return found | _numbers(f"{prefix}actual", outcome.windows[0].told)


def _numbers(name: str, told: Measured | NotMeasured) -> dict[str, float | str]:
    if isinstance(told, NotMeasured):
        return {f"{name} is not measured": told.sentence}
    found: dict[str, float | str] = {name: float(told.value)}
    if isinstance(told.interval, Interval):
        return found | {f"{name} low": float(told.interval.low), f"{name} high": float(told.interval.high)}
    return found | {f"{name} has no interval": told.interval.sentence}


def _cell(told: Measured | NotMeasured, reasons: dict[str, int]) -> str:
    def reason(sentence: str) -> str:
        return f"({reasons.setdefault(sentence, len(reasons) + 1)})"

    if isinstance(told, NotMeasured):
        return f"not measured {reason(told.sentence)}"
    value = value_in_words(told.value, told.unit)
    if isinstance(told.interval, NotMeasured):
        return f"{value} {reason(told.interval.sentence)}"
    low, high = (value_in_words(end, told.unit).removesuffix(f" {told.unit}") for end in (told.interval.low, told.interval.high))
    return f"{value} ({low} to {high})"


def _plain(group: QualityGroup) -> str:
    return " ".join(value or "(none)" for _, value in group.keys) or "all"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")
