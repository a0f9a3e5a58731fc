"""The job that blesses: a form that names a plan, and the baseline that its nights are compared with from then on."""

import datetime as dt
from enum import Enum
from typing import Any, cast

import dagster as dg
from pydantic import Field, create_model

from assets.failures import plain_failures
from assets.resources import SmoProject
from smo_pipelines.config.nightly import find_nightly_plan
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.errors import NightlyError
from smo_pipelines.nightly.bless import bless
from smo_pipelines.nightly.promotion import sync_registry

__all__ = ["build_bless_job"]


def build_bless_job(root: ProjectRoot) -> dg.JobDefinition:
    """Return the job ``bless_baseline``, whose form offers the plans under ``configs/nightly``."""
    form = _form([path.stem for path in sorted((root.configs / "nightly").glob("*.yaml"))])

    @dg.op(name="bless", pool="torch", description="Train the production recipe on draws of the labels of before.")
    def bless_plan(context: dg.OpExecutionContext, config: form, project: SmoProject) -> str:  # type: ignore[valid-type]
        asked = cast(Any, config)
        with plain_failures():
            workspace, now = project.open(), project.now()
            plan = find_nightly_plan(workspace.catalogue, _plain(asked.plan))
            date = _date(asked.date) if asked.date else plan.schedule.newest(now)
            baseline, new = bless(
                workspace, plan, date=date, now=now, runs=asked.runs or None, known_at_blessing=asked.imported_later
            )
            registered = sync_registry(workspace, plan.area)
        if registered.waiting:
            context.log.warning(registered.waiting)
        context.log.info(f"baseline {baseline.id} of {plan.id}: {'made' if new else 'blessed already with these parts'}")
        means = {f"mean: {stream.name}": baseline.mean(stream) for stream in baseline.streams}
        context.add_output_metadata({"baseline": baseline.id, "digest": baseline.digest, "runs": len(baseline.runs), **means})
        return baseline.id

    @dg.job(
        name="bless_baseline",
        executor_def=dg.in_process_executor,
        description="Make a baseline from the labels of before: nights from the day after are compared with it. Earlier ones stay.",
    )
    def bless_baseline() -> None:
        bless_plan()

    return bless_baseline


def _form(plans: list[str]) -> type[dg.Config]:
    # Dagster's forms take the names of an enum, so each name is its value
    names = cast(Any, Enum)("NightlyPlanName", {name: name for name in plans})
    return create_model(
        "BlessForm",
        __base__=dg.Config,
        plan=(names, Field(default=names[plans[0]], description=f"The plan to bless: {', '.join(plans)}.")),
        date=(str, Field(default="", description="Labels up to this date, e.g. 2026-03-31; blank: the newest night that is due.")),
        runs=(
            int,
            Field(default=0, description="Runs, 20 at least; 40 find a drop in the first nights sooner. 0: the plan's own number."),
        ),
        imported_later=(
            bool,
            Field(default=False, description="The history was imported in bulk, after it was rated: draw from all of it."),
        ),
    )


def _date(text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError as error:
        raise NightlyError(f"{text!r} is not a date such as 2026-03-31") from error


def _plain(value: Any) -> str:
    return str(value.value if isinstance(value, Enum) else value)
