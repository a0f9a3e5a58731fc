"""A small stream of labels, day after day: one pool rates until a day, another from there."""

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from smo_pipelines.experiment.workspace import Workspace, open_workspace
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.simulate.items import draw_items
from smo_pipelines.simulate.operation import items_table, raters_table, rating_table
from smo_pipelines.simulate.raters import draw_raters, rate_items
from tests.examples.projects import make_project

__all__ = ["FIRST_DAY", "add_days", "make_nightly_project", "write_plan"]

FIRST_DAY = dt.date(2026, 1, 1)
ITEMS_A_DAY = 14

PLAN = {
    "area": "hate",
    "recipe": {"project": "demo", "question": "hate", "items": {"split": "train"}},
    "label_set": "hate@4",
    "classifier": "quick",
    "items": 150,
    "window_days": 14,
    "blessed_over_days": 14,
    "streams": [
        {"metric": "average_precision", "on": "gold", "gold": "hate@4", "margin": 0.05, "floor": 0.3},
        {"metric": "recall", "on": "gold", "gold": "hate@4", "threshold": "baseline", "margin": 0.1},
    ],
    "schedule": {"hour": 3},
}


def write_plan(project: Path, name: str = "small", **changes: object) -> None:
    (project / "configs" / "nightly").mkdir(exist_ok=True)
    content = {key: value for key, value in {**PLAN, **changes}.items() if value is not None}
    (project / "configs" / "nightly" / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def make_nightly_project(
    folder: Path, *, days: int, swap_on: int | None = None, seed: int = 0, items_a_day: int = ITEMS_A_DAY
) -> Workspace:
    """Write a project with a benchmark, a plan and the labels of so many days, each imported in the night after it."""
    project = make_project(folder)
    write_plan(project)
    workspace = open_workspace(project)
    add_days(workspace, days=days, swap_on=swap_on, seed=seed, items_a_day=items_a_day)
    return workspace


def add_days(workspace: Workspace, *, days: int, swap_on: int | None = None, seed: int = 0, items_a_day: int = ITEMS_A_DAY) -> None:
    items = draw_items(seed, split="train", count=days * items_a_day, policies=["hate"])
    benchmark = draw_items(seed, split="benchmark", count=300, policies=["hate"])
    raters = draw_raters(seed)
    _, core, vendor = (
        rating_table(seed, k, one, items, raters).to_pandas() for k, one in enumerate(rate_items(seed, items, raters))
    )
    start = pd.Timestamp(FIRST_DAY, tz="UTC")
    day_of = {item.item_id: number // items_a_day for number, item in enumerate(items)}
    described = items_table(items, np.array([day_of[item.item_id] for item in items], dtype=float))
    first = items_table(benchmark, np.zeros(len(benchmark)))
    for day in range(days):
        ratings = core if swap_on is None or day < swap_on else vendor
        mine = ratings[ratings["item_id"].map(day_of) == day].copy()
        within = (np.arange(len(mine)) + 0.5) / len(mine)
        mine["created_at"] = [start + pd.Timedelta(days=day, seconds=int(80_000 * part)) for part in within]
        new = described[described["item_id"].map(day_of) == day]
        workspace.tables.append(
            LabelBatch(
                project="demo",
                source="simulate",
                items=pd.concat([new, first]) if day == 0 else new,
                raters=raters_table(raters),
                ratings=mine,
                quarantine=(),
            ),
            imported_at=(start + pd.Timedelta(days=day + 1)).to_pydatetime(),
        )
