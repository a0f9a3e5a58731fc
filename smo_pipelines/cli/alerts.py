"""``smo alert``: who was told what, try the channels, and take an alert over."""

import os
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from smo_pipelines.cli.console import console, now, say
from smo_pipelines.domain.alerts import Acknowledgement, Alert, Delivery, DeliveryState, Severity
from smo_pipelines.errors import AlertError

if TYPE_CHECKING:
    from smo_pipelines.alerts import AlertLog, Channel, LoggedAlert
    from smo_pipelines.experiment.workspace import Workspace

__all__ = ["add_to"]

alert = typer.Typer(
    help="Alerts of the nightly evaluation: list, acknowledge, send what waits, try the channels.", no_args_is_help=True
)

_COLOURS = {
    DeliveryState.sent: "green",
    DeliveryState.failed: "red",
    DeliveryState.sending: "yellow",
    DeliveryState.waiting: "yellow",
}
_Plan = Annotated[str, typer.Argument(help="A plan's id: the name of a file under configs/nightly/.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this file."""
    app.add_typer(alert, name="alert")


@alert.command("list")
def _list(
    context: typer.Context,
    waiting: Annotated[bool, typer.Option("--open", help="Only those that nobody has acknowledged.")] = False,
) -> None:
    """List the alerts, the newest first: what was told, to which channels, and who took it over."""
    log = _log(_workspace(context))
    shown = [one for one in reversed(log.all()) if not waiting or one.taken is None]
    if not shown:
        say("no alert" + (" waits for anybody" if waiting else ""))
        return
    table = Table("at", "alert", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for one in shown:
        table.add_row(escape(one.alert.at[:16].replace("T", " ")), "\n".join(_lines(one)))
    console.print(table)


@alert.command("ack")
def _ack(
    context: typer.Context,
    key: Annotated[str, typer.Argument(metavar="KEY", help="The alert's key, or the first characters of it.")],
    by: Annotated[str, typer.Option(help="Who takes it over.")],
    note: Annotated[str, typer.Option(help="What is done about it.")] = "",
) -> None:
    """Take an alert over: it is no longer sent to channels that do not have it yet."""
    log = _log(_workspace(context))
    found = log.find(key)
    taken = log.take(Acknowledgement(alert=found.key, by=by, at=now().isoformat(timespec="seconds"), note=" ".join(note.split())))
    if taken.by != by.strip():
        say(f"{escape(found.key)} was taken over by {escape(taken.by)} at {escape(taken.at)} already")
        return
    say(f"{escape(found.key)} is with {escape(taken.by)} since {escape(taken.at)}")


@alert.command("send")
def _send(context: typer.Context, plan: _Plan) -> None:
    """Send what did not get through, on the plan's channels as they are now; every night does this too."""
    from smo_pipelines.alerts import send_waiting

    workspace = _workspace(context)
    done = send_waiting(_log(workspace), _channels(workspace, plan), clock=now)
    _report(done, none="nothing waits")


@alert.command("test")
def _test(context: typer.Context, plan: _Plan) -> None:
    """Send a test message on every channel of a plan, and say what became of it on each."""
    from smo_pipelines.alerts import send_alert

    workspace = _workspace(context)
    moment = now()
    # to the microsecond: two tests are two alerts
    example = Alert(
        key=f"test.{moment:%Y%m%dT%H%M%S.%fZ}",
        severity=Severity.info,
        title=f"Test of the alerts of {plan}: nothing is wrong",
        lines=(
            "Sent by `smo alert test`. An alert looks like this, names streams, numbers and dates, and never a text of an item.",
        ),
        at=moment.isoformat(timespec="seconds"),
    )
    channels = _channels(workspace, plan)
    log = _log(workspace)
    done = send_alert(log, example, channels, clock=now)
    log.take(Acknowledgement(alert=example.key, by="smo alert test", at=now().isoformat(timespec="seconds")))
    _report(done, none="")


def _report(done: tuple[Delivery, ...], *, none: str) -> None:
    for one in done:
        said = f": {one.sentence}" if one.sentence else ""
        say(f"[{_COLOURS[one.state]}]{one.state}[/] {escape(one.channel)}{escape(said)}")
    if not done:
        say(none)
    failed = [one.channel for one in done if one.state is not DeliveryState.sent]
    if failed:
        raise AlertError(f"{len(failed)} of {len(done)} deliveries failed: {', '.join(failed)}; each says above what to do")


def _lines(one: "LoggedAlert") -> list[str]:
    lines = [f"[bold]{escape(one.alert.key)}[/]", escape(f"{one.alert.severity}: {one.alert.title}")]
    for delivery in one.deliveries:
        said = f" ({delivery.sentence})" if delivery.sentence else ""
        lines.append(f"[{_COLOURS[delivery.state]}]{delivery.state}[/] {escape(delivery.channel + said)}")
    if one.taken is not None:
        note = f": {one.taken.note}" if one.taken.note else ""
        lines.append(escape(f"taken over by {one.taken.by} at {one.taken.at}{note}"))
    return lines


def _workspace(context: typer.Context) -> "Workspace":
    from smo_pipelines.experiment.workspace import open_workspace

    return open_workspace(context.obj)


def _log(workspace: "Workspace") -> "AlertLog":
    from smo_pipelines.alerts import AlertLog

    return AlertLog(workspace.store, workspace.lock("alerts"))


def _channels(workspace: "Workspace", plan: str) -> "tuple[Channel, ...]":
    from smo_pipelines.alerts import open_channels
    from smo_pipelines.config.nightly import find_nightly_plan

    channels = open_channels(find_nightly_plan(workspace.catalogue, plan).alerts, os.environ)
    if not channels:
        raise AlertError(f"the plan {plan!r} sends no alert: name a channel in its section alerts: (configs/nightly/{plan}.yaml)")
    return channels
