"""A small project with a nightly plan and the labels of many days: strict raters until a day, others from there."""

import datetime as dt
from pathlib import Path

import pandas as pd
import yaml

from smo_pipelines.config.nightly import find_nightly_plan
from smo_pipelines.domain.digests import hash_to_unit
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.simulate.nights import FIRST_DAY, label_days
from tests.examples.projects import make_project

__all__ = ["BLESSED", "FAR", "FIRST_DAY", "PLAN", "add_labels", "day", "make_nightly_project", "plan_of", "write_plan"]

BLESSED = 24
"""The day of the first blessing in these tests: two windows and the spread of the baseline's dates fit before it."""

FAR = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
"""A moment at which every night is due."""

PLAN = {
    "area": "hate",
    "recipe": {"project": "demo", "question": "hate", "items": {"split": "train"}},
    "label_set": "hate@4",
    "classifier": "quick",
    "items": 160,
    "window_days": 12,
    "blessed_over_days": 12,
    "streams": [
        {"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.05, "floor": 0.3},
        {"metric": "false_positive_rate", "on": "gold", "gold": "hate@4", "threshold": "baseline", "margin": 0.3},
    ],
    "schedule": {"hour": 3},
}


def day(number: int) -> dt.date:
    """Return the date of a day; its night sees the labels of the days before."""
    return FIRST_DAY + dt.timedelta(days=number)


def plan_of(workspace: Workspace, name: str = "small") -> NightlyPlan:
    """Return a plan as its file is now."""
    return find_nightly_plan(workspace.catalogue, name)


def write_plan(project: Path, name: str = "small", **changes: object) -> None:
    """Write the small plan with other values; None removes a key."""
    (project / "configs" / "nightly").mkdir(exist_ok=True)
    content = {key: value for key, value in {**PLAN, **changes}.items() if value is not None}
    (project / "configs" / "nightly" / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def make_nightly_project(folder: Path) -> Path:
    """Write a project with a benchmark, a classifier and the small plan, and no labels."""
    project = make_project(folder)
    write_plan(project)
    return project


def add_labels(
    workspace: Workspace,
    *,
    days: int,
    first: int = 0,
    against_from: int | None = None,
    items_a_day: int = 18,
    imported_on: int | None = None,
) -> None:
    """Import the labels of some days at once: one import is quick to read, and a window hides what was rated after it.

    Parameters
    ----------
    days, first : int
        Up to which day, and from which.
    against_from : int, optional
        From this day on another pool rates, and gives the opposite of nearly every label.
    imported_on : int, optional
        The day before which it all was imported; before everything by default.
    """
    batches = [one.batch for one in label_days(0, days=days, items_a_day=items_a_day, benchmark_items=300, swap_on=against_from)][
        first:
    ]
    items, raters, ratings = (
        pd.concat([_frame(getattr(batch, name)) for batch in batches]).drop_duplicates(f"{name[:-1]}_id")
        for name in ("items", "raters", "ratings")
    )
    if against_from is not None:
        against = (ratings["created_at"] >= pd.Timestamp(day(against_from), tz="UTC")).to_numpy()
        against = against & (hash_to_unit("against", ratings["rating_id"].tolist()) < 0.9)
        opposite = ratings["label"].map({"violating": "benign", "benign": "violating"})
        ratings["label"] = ratings["label"].where(~against, opposite)
    workspace.tables.append(
        LabelBatch(project="demo", source="simulate", items=items, raters=raters, ratings=ratings, quarantine=()),
        imported_at=dt.datetime.combine(day(imported_on or 0), dt.time(), tzinfo=dt.UTC),
    )


def _frame(table: object) -> pd.DataFrame:
    return table if isinstance(table, pd.DataFrame) else table.to_pandas()  # type: ignore[attr-defined]
