"""What follows a night that is stored: the page, the tracker, and an alert for an episode that it opened."""

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smo_pipelines.alerts import AlertLog, open_channels, send_alert, send_waiting
from smo_pipelines.alerts.episodes import episode_alert
from smo_pipelines.domain.alerts import Delivery
from smo_pipelines.domain.episodes import Episode, Explanation
from smo_pipelines.domain.nightly import Baseline, NightlyPlan
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.explain import explain_episode
from smo_pipelines.nightly.fold import fold_state
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.night import nights_of
from smo_pipelines.report.nightly import render_nightly
from smo_pipelines.store import write_atomic
from smo_pipelines.tracking.mlflow_backend import TrackedRun
from smo_pipelines.tracking.night_items import night_items
from smo_pipelines.tracking.nightly import NightlyTracker

__all__ = ["PublishedNights", "alert_log", "gather_record", "publish_nights"]

_EXPLAINED = 10
"""So many of the newest episodes are explained on the page, besides those that last."""


@dataclass(frozen=True)
class PublishedNights:
    """Where a plan's nights can be read, and who was told.

    ``run`` is None, and ``waiting`` says why, while the tracker has not taken them; the next call sends everything it lacks.
    ``deliveries`` are the alerts that left, or failed to, in this call.
    """

    record: NightlyRecord
    page: str
    run: TrackedRun | None
    waiting: str | None
    deliveries: tuple[Delivery, ...]


def alert_log(workspace: Workspace) -> AlertLog:
    """Return the project's record of alerts."""
    return AlertLog(workspace.store, workspace.lock("alerts"))


def publish_nights(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    clock: Callable[[], dt.datetime],
    links: Mapping[str, str] | None = None,
    materials: Materials | None = None,
) -> PublishedNights:
    """Tell people and the tracker what a plan's stored nights say; what was told or sent before is not again.

    Alerts leave first, since somebody may be waiting for them; neither a channel nor a tracker that is down holds up the rest.

    Parameters
    ----------
    clock : callable
        The current moment.
    links : mapping of str to str
        Name and address of where else to look, e.g. in the orchestrator.

    Raises
    ------
    NightlyError
        When nothing was blessed.
    """
    materials = materials or gather(workspace, plan)
    deliveries = _alert(workspace, plan, materials, clock, links or {})
    record = gather_record(workspace, plan, now=clock(), links=links, materials=materials)
    page = render_nightly(record)
    path = workspace.root.state / "reports" / f"nightly-{plan.id}.html"
    write_atomic(path, page.encode())
    run, waiting = _send(workspace, record, page)
    return PublishedNights(record=record, page=str(path), run=run, waiting=waiting, deliveries=deliveries)


def gather_record(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    now: dt.datetime,
    links: Mapping[str, str] | None = None,
    materials: Materials | None = None,
) -> NightlyRecord:
    """Return everything that a plan's nights under its newest baseline are remembered by.

    An episode that has ended is explained as it was known on its last night, so that its words no longer change.
    """
    state, baseline = fold_state(workspace, plan), current_baseline(workspace, plan)
    materials = materials or gather(workspace, plan)
    newest = {episode.key for episode in state.episodes[-_EXPLAINED:]}
    explained = [episode for episode in state.episodes if episode.open or episode.key in newest]
    taken = {episode.key: alert_log(workspace).taken(episode.key) for episode in state.episodes}
    return NightlyRecord(
        plan=plan,
        baseline=baseline,
        nights=nights_of(workspace, baseline),
        state=state,
        explanations=tuple(_explained(workspace, plan, episode, episode.closed, materials) for episode in explained),
        due=max(plan.schedule.newest(now), baseline.date),
        acknowledged={key: one for key, one in taken.items() if one is not None},
        links=dict(links or {}),
    )


def _explained(
    workspace: Workspace, plan: NightlyPlan, episode: Episode, closed: dt.date | None, materials: Materials
) -> Explanation:
    until = None if closed is None else closed - dt.timedelta(days=1)
    return explain_episode(workspace, plan, episode.key, until=until, materials=materials)


def _alert(
    workspace: Workspace,
    plan: NightlyPlan,
    materials: Materials,
    clock: Callable[[], dt.datetime],
    links: Mapping[str, str],
) -> tuple[Delivery, ...]:
    """Send what waits, then an alert for every episode that was not told yet, as it was known on the night that alarmed."""
    log, channels = alert_log(workspace), open_channels(plan.alerts, os.environ)
    sent = list(send_waiting(log, channels, clock=clock))
    told = {one.alert.key for one in log.all()}
    baseline: Baseline = current_baseline(workspace, plan)
    for episode in fold_state(workspace, plan).episodes:
        if episode.key in told:
            continue
        explanation = explain_episode(workspace, plan, episode.key, until=episode.opened, materials=materials)
        at = plan.schedule.moment(max(episode.opened, baseline.date)).isoformat(timespec="seconds")
        web = tuple((name, address) for name, address in sorted(links.items()) if address.startswith(("http://", "https://")))
        sent += send_alert(log, episode_alert(plan.area, explanation, at=at, links=web), channels, clock=clock)
    return tuple(sent)


def _send(workspace: Workspace, record: NightlyRecord, page: str) -> tuple[TrackedRun | None, str | None]:
    tracker = NightlyTracker(
        workspace.tracking_uri, workspace.artifact_root if workspace.tracking_uri.startswith("sqlite") else None
    )
    try:
        return tracker.send_nights(night_items(record, page)), None
    except TrackingError as error:
        return None, str(error)
