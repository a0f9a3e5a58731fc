"""What follows a night: the record of the plan, its page, the tracker, and the people who are to be woken.

The nights are in the store before any of this, so it can be done again at any time: the page is written anew, the tracker is sent
what it lacks, and an episode is told once on each channel.
"""

import datetime as dt
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from smo_pipelines.alerts import AlertLog, open_channels, send_alert, send_waiting
from smo_pipelines.alerts.episodes import episode_alert
from smo_pipelines.domain.alerts import Delivery
from smo_pipelines.domain.episodes import Explanation
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nightly_record import NightlyRecord
from smo_pipelines.errors import SmoError, TrackingError
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.bless import current_baseline
from smo_pipelines.nightly.explain import explain_episode
from smo_pipelines.nightly.figures import label_figures
from smo_pipelines.nightly.fold import fold_nights
from smo_pipelines.nightly.materials import Materials, gather
from smo_pipelines.nightly.night import nights_of
from smo_pipelines.report.nightly import render_nightly
from smo_pipelines.store import file_lock, write_atomic
from smo_pipelines.tracking.mlflow_backend import TrackedRun
from smo_pipelines.tracking.night_items import night_items
from smo_pipelines.tracking.nightly import NightlyTracker

__all__ = ["NightPublished", "alert_log", "nightly_record", "publish_nights"]


@dataclass(frozen=True, kw_only=True)
class NightPublished:
    """Where a plan's nights can be read, and who was told.

    ``run`` is None, and ``waiting`` says why, while the tracker does not answer; the next call sends it everything.
    """

    record: NightlyRecord
    page: str
    run: TrackedRun | None
    waiting: str
    deliveries: tuple[Delivery, ...]


def alert_log(workspace: Workspace) -> AlertLog:
    """Return the alerts of the project."""
    return AlertLog(workspace.store, workspace.lock("alerts"))


def nightly_record(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    now: dt.datetime,
    links: Mapping[str, str] | None = None,
    materials: Materials | None = None,
) -> NightlyRecord:
    """Gather everything that a plan's nights under its newest baseline are remembered by.

    An episode that cannot be explained is kept with the reason: what is known of it must not keep anybody from being woken.

    Raises
    ------
    NightlyError
        When nothing was blessed.
    """
    baseline = current_baseline(workspace, plan)
    nights = nights_of(workspace, baseline)
    state = fold_nights(baseline, nights, alpha=plan.alpha, horizon=plan.horizon_nights)
    explanations: list[Explanation] = []
    unexplained: dict[str, str] = {}
    for episode in state.episodes:
        try:
            materials = materials or gather(workspace, plan)
            explanations.append(explain_episode(workspace, plan, episode.key, materials=materials))
        except SmoError as error:
            unexplained[episode.key] = str(error)
    taken = {episode.key: alert_log(workspace).taken(episode.key) for episode in state.episodes}
    return NightlyRecord(
        plan=plan,
        baseline=baseline,
        nights=nights,
        state=state,
        explanations=tuple(explanations),
        unexplained=unexplained,
        figures=label_figures(baseline, nights),
        due=max(plan.schedule.newest(now), baseline.date),
        acknowledged={key: who for key, who in taken.items() if who is not None},
        links=dict(links or {}),
    )


def publish_nights(
    workspace: Workspace,
    plan: NightlyPlan,
    *,
    clock: Callable[[], dt.datetime],
    links: Mapping[str, str] | None = None,
    materials: Materials | None = None,
    environment: Mapping[str, str] | None = None,
) -> NightPublished:
    """Write the page of a plan, send its nights to the tracker, and wake people for each open episode, once a channel.

    Neither a tracker nor a channel that fails raises: what became of each is in the answer, and the next call tries again.

    Parameters
    ----------
    links : mapping of str to str
        Name and http(s) address, e.g. of the orchestrator's run; shown on the page and in alerts.
    environment : mapping of str to str
        Where the addresses of the channels are; this process's own by default.

    Raises
    ------
    NightlyError
        When nothing was blessed.
    """
    with file_lock(workspace.lock(f"publish-nightly-{plan.id}")):
        record = nightly_record(workspace, plan, now=clock(), links=links, materials=materials)
        page = render_nightly(record)
        path = workspace.root.state / "reports" / f"nightly-{plan.id}.html"
        write_atomic(path, page.encode())
        run, waiting = _send(workspace, record, page)
        deliveries = _wake(workspace, record, run, clock, os.environ if environment is None else environment)
    return NightPublished(record=record, page=str(path), run=run, waiting=waiting, deliveries=deliveries)


def _send(workspace: Workspace, record: NightlyRecord, page: str) -> tuple[TrackedRun | None, str]:
    uri = workspace.tracking_uri
    tracker = NightlyTracker(uri, workspace.artifact_root if uri.startswith("sqlite") else None)
    try:
        return tracker.send_nights(night_items(record, page)), ""
    except TrackingError as error:
        return None, f"{error}; the nights are in the store, and the next one sends them all"


def _wake(
    workspace: Workspace,
    record: NightlyRecord,
    run: TrackedRun | None,
    clock: Callable[[], dt.datetime],
    environment: Mapping[str, str],
) -> tuple[Delivery, ...]:
    channels, log = open_channels(record.plan.alerts, environment), alert_log(workspace)
    if not channels:
        return ()
    waited = send_waiting(log, channels, clock=clock)
    found = {(one.alert, one.channel): one for one in waited}
    links = tuple((name, address) for name, address in record.links.items() if address.startswith(("http://", "https://")))
    if run is not None and workspace.tracking_uri.startswith("http"):
        links = (("Nightly run", f"{workspace.tracking_uri.rstrip('/')}{run.url_path}"), *links)
    for episode in record.state.open_episodes:
        alert = episode_alert(
            record.plan.area,
            episode,
            record.explained(episode),
            at=record.plan.schedule.moment(episode.opened).isoformat(),
            links=links,
            why=record.unexplained.get(episode.key, ""),
        )
        # what has just been tried again is not tried twice
        others = [channel for channel in channels if (alert.key, channel.id) not in found]
        found |= {(one.alert, one.channel): one for one in send_alert(log, alert, others, clock=clock)}
    return tuple(found.values())
