"""The key figures of a project, measured over its newest window and the ones before, and the quality of an experiment's labels."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from smo_pipelines.analysis.kpis import judge_kpi
from smo_pipelines.config.kpis import load_kpis
from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.kpis import Kpi, KpiOutcome, KpiWindow
from smo_pipelines.domain.labels import LabelSnapshot
from smo_pipelines.domain.quality import MEASURES, Measure, Measured, NotMeasured, QualityGroup
from smo_pipelines.domain.records import LabelQuality, ProjectKpis
from smo_pipelines.errors import ConfigError, NoRatings, UnknownName
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.workspace import Workspace

if TYPE_CHECKING:
    from smo_pipelines.labels.rated_rows import RatedRows

__all__ = ["kpi_outcomes", "quality_of_arms"]

HISTORY = 4
"""Earlier windows that a key figure is compared with."""

_Keys = tuple[tuple[str, str], ...]


def kpi_outcomes(
    workspace: Workspace, project: str, *, as_of: datetime | None = None, seen: datetime | None = None, history: int = HISTORY
) -> tuple[KpiOutcome, ...]:
    """Return how every key figure of a project stands.

    Windows end at ``as_of``, or when the newest rating was made where that is not given, and count backwards from there by when
    ratings were made (imported, where that is not recorded).

    Parameters
    ----------
    workspace : Workspace
    project : str
    as_of : datetime, optional
        Only what was imported by then.
    seen : datetime, optional
        Only what was imported by then, with windows that end when the newest such rating was made.
    history : int
        How many earlier windows are measured.

    Raises
    ------
    ConfigError
        When the project has no readable file of key figures.
    NoRatings
        When it has no ratings by then.
    """
    from smo_pipelines.labels.rated_rows import check_groupings, rated_rows

    kpis = load_kpis(workspace.root, project)
    for kpi in kpis:
        check_groupings([*kpi.by, *(name for name, _ in kpi.where)])
    rows = rated_rows(workspace.tables, project, as_of=as_of or seen)
    end = as_of or rows.newest
    return tuple(outcome for kpi in kpis for outcome in _outcomes(workspace, kpi, rows.selected(kpi.where), end, history))


def _outcomes(workspace: Workspace, kpi: Kpi, rows: "RatedRows", end: datetime, history: int) -> list[KpiOutcome]:
    from smo_pipelines.labels.quality import quality_of_rows

    length = timedelta(days=kpi.window_days)
    ends = [end - k * length for k in range(history + 1)]
    guidelines = workspace.catalogue.guidelines
    measured: list[dict[_Keys, QualityGroup]] = [
        {
            group.keys: group
            for group in quality_of_rows(rows.within(last - length, last), guidelines=guidelines, by=kpi.by, measures=[kpi.measure])
        }
        for last in ends
    ]
    # a group that fell silent is judged too: not known, for want of ratings
    keys = sorted({key for found in measured for key in found}) or [()]

    def window(last: datetime, group: QualityGroup | None) -> KpiWindow:
        nothing = NotMeasured(code=WhyNot.no_items, sentence="no rating was made in this time")
        return KpiWindow(start=last - length, end=last, told=nothing if group is None else group.measures[kpi.measure])

    return [
        judge_kpi(
            kpi,
            [window(last, found.get(key)) for last, found in zip(ends, measured, strict=True)],
            keys=key,
            raters=measured[0][key].raters if key in measured[0] else 0,
        )
        for key in keys
    ]


def quality_of_arms(workspace: Workspace, arms: Arms) -> LabelQuality:
    """Return the agreement behind each arm's labels, and how the key figures of the arms' projects stood when those were taken.

    A project without key figures, or with a file of them that cannot be read, holds up no experiment: it says so.
    """
    projects = dict.fromkeys(arms.experiment.recipe(arm).project for arm in ArmName)
    return LabelQuality(
        agreement={arm: _agreement(arms.snapshots[arm]) for arm in ArmName},
        kpis=tuple(_project_kpis(workspace, project, _taken(workspace, arms, project)) for project in projects),
    )


def _taken(workspace: Workspace, arms: Arms, project: str) -> datetime | None:
    """Return the moment of the last import that the arms' snapshots could see: later ones do not change what an experiment says."""
    saw = {name for snapshot in arms.snapshots.values() if snapshot.recipe.project == project for name in snapshot.imports}
    return max((facts.imported_at for facts in workspace.tables.imports(project) if facts.import_id in saw), default=None)


def _project_kpis(workspace: Workspace, project: str, seen: datetime | None) -> ProjectKpis:
    try:
        return ProjectKpis(project=project, outcomes=kpi_outcomes(workspace, project, seen=seen))
    except UnknownName:
        return ProjectKpis(project=project, why_none=f"no targets are set; a file configs/kpis/{project}.yaml sets them")
    except (ConfigError, NoRatings) as error:
        return ProjectKpis(project=project, why_none=str(error))


def _agreement(snapshot: LabelSnapshot) -> Measured | NotMeasured:
    from smo_pipelines.labels.rating_groups import interval_or_why_not, measured_or_why_not
    from smo_pipelines.stats.agreement import alpha_of, coefficient_value
    from smo_pipelines.stats.agreement_interval import RatingCodes, agreement_interval

    votes = snapshot.votes
    codes = RatingCodes(unit=votes.item, rater=votes.rater, label=votes.label, n_labels=len(votes.labels))
    alpha = alpha_of()

    def measured() -> Measured:
        return Measured(
            value=coefficient_value(alpha, codes.counts),
            interval=interval_or_why_not(lambda: agreement_interval(codes, alpha)),
            n=int((codes.counts.sum(axis=1) >= 2).sum()),
            unit=MEASURES[Measure.alpha].unit,
        )

    return measured_or_why_not(measured)
