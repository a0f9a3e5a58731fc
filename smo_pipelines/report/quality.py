"""The quality of the labels, as values: each arm's agreement and the key figures, without groups of fewer than five raters."""

import re
from dataclasses import dataclass

from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.kpis import KpiOutcome, KpiStatus, worst_first
from smo_pipelines.domain.quality import FEWEST_RATERS_SHOWN, Measured, NotMeasured, value_in_words
from smo_pipelines.domain.records import ArmFacts, ExperimentRecord, ProjectKpis

__all__ = ["AgreementRow", "KpiRow", "KpiTable", "QualitySection", "quality_section"]

_TONES = {
    KpiStatus.beyond_limit: "worse",
    KpiStatus.missed_target: "unclear",
    KpiStatus.not_known: "unclear",
    KpiStatus.met: "better",
}


@dataclass(frozen=True, kw_only=True)
class AgreementRow:
    """One arm's agreement; ``note`` says why there is no number, or no interval."""

    arm: str
    value: str = ""
    interval: str = ""
    items: str = ""
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class KpiRow:
    """One key figure of one group."""

    name: str
    owner: str
    word: str
    tone: str
    trend: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class KpiTable:
    """The key figures of a project; ``why_none`` where there are none, ``hidden`` counts those of few raters."""

    project: str
    rows: tuple[KpiRow, ...]
    hidden: int
    why_none: str


@dataclass(frozen=True, kw_only=True)
class QualitySection:
    """The section; a record without quality has none."""

    agreement: tuple[AgreementRow, ...]
    kpis: tuple[KpiTable, ...]


def quality_section(record: ExperimentRecord) -> QualitySection | None:
    """Return the quality of the labels in words."""
    quality = record.quality
    if quality is None:
        return None
    rows = [_agreement_row(arm, quality.agreement[arm.arm]) for arm in record.arms if arm.arm in quality.agreement]
    return QualitySection(agreement=tuple(rows), kpis=tuple(_kpi_table(project) for project in quality.kpis))


def _agreement_row(arm: ArmFacts, told: Measured | NotMeasured) -> AgreementRow:
    name = arm.arm.value
    if arm.n_raters < FEWEST_RATERS_SHOWN:
        return AgreementRow(arm=name, note=f"not shown: fewer than {FEWEST_RATERS_SHOWN} raters")
    if isinstance(told, NotMeasured):
        return AgreementRow(arm=name, note=f"not measured: {told.sentence}")
    value, items = _minus(value_in_words(told.value, told.unit)), f"{told.n:,}"
    if not isinstance(told.interval, Interval):
        return AgreementRow(arm=name, value=value, items=items, note=f"no interval: {told.interval.sentence}")
    low, high = (_minus(value_in_words(end, told.unit)) for end in (told.interval.low, told.interval.high))
    return AgreementRow(arm=name, value=value, items=items, interval=f"{low} to {high}")


def _kpi_table(project: ProjectKpis) -> KpiTable:
    shown = worst_first(outcome for outcome in project.outcomes if outcome.shareable)
    return KpiTable(
        project=project.project,
        rows=tuple(_kpi_row(outcome) for outcome in shown),
        hidden=len(project.outcomes) - len(shown),
        why_none=project.why_none,
    )


def _kpi_row(outcome: KpiOutcome) -> KpiRow:
    group = ", ".join(f"{name} {value or '(none)'}" for name, value in outcome.keys)
    return KpiRow(
        name=f"{outcome.kpi.name} ({group})" if group else outcome.kpi.name,
        owner=outcome.kpi.owner,
        word=str(outcome.status),
        tone=_TONES[outcome.status],
        trend=str(outcome.trend),
        sentence=_minus(outcome.sentence),
    )


def _minus(text: str) -> str:
    return re.sub(r"(?<![\w.])-(?=\d)", "−", text)  # noqa: RUF001 -- a minus sign, as wide as the plus
