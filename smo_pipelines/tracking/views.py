"""What a reader sees first in MLflow: saved views and a note on the experiment, seeded as experiment tags.

The state of a view is private to MLflow's interface (it is what the interface itself writes since 3.15.0), so everything that
knows its shape is here, and a test holds it against the interface's own limits.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["NIGHTLY_VIEWS", "SAVED_VIEWS", "SavedView", "experiment_tags", "nightly_experiment_tags", "run_url", "view_url"]

_WORKFLOW = "workflowType=machine_learning"
"""Without it MLflow opens its page for traces of language models, which is empty here."""

_MADE_AT_MS = 1_767_225_600_000
"""2026-01-01 UTC: views are written again at every start, so their date must not move."""

_NOTE = """Each row is one operational change to how labels are made, and what it did to the safety model.

**Open the view *Effects of changes*** (menu *Views*). Read the columns from the left:

- **decision** - SHIP: better, and nothing else got worse by more than agreed. HOLD: not better by enough to matter.
  ROLL BACK: worse, or a guardrail is broken. INCONCLUSIVE: the data cannot tell; the report says what would settle it.
  INVALID: a check failed, so no effect is shown. PLANNED: registered before training, not decided yet.
- **effect** - change of the primary metric, treatment minus control, in percentage points, with its 95% interval.
- **guardrails** - metrics that must not get worse by more than a margin fixed before training.
- **cost** - what the treatment's labels and computing cost beyond the control's, and a point gained, with its interval.

The view *Digest of every change* holds one page over all of them (artifact `report/digest.html`).
The report of a change (artifact `report/effect_report.html`) can be forwarded. Only runs whose tag `smo.state` is `final`
are whole. Nothing is decided here: these numbers are copies of the stored decision, named by the tag `smo.decision_digest`.
"""

_NIGHTLY_NOTE = """Each row is one baseline of a nightly plan: the production recipe, trained every night and compared with a blessed reference.

**Open the view *Nightly evaluation*** (menu *Views*). Read the columns from the left:

- **state** - QUIET: no watched number is worse than its baseline by more than its margin. ALARM: one is; the episode says which, since
  when and how much. NO NIGHT YET: blessed, and no night has run. ENDED: another baseline was blessed since.
- **newest** - the date of the newest night; **missed** - nights that were due and did not run.
- **episodes** - what is wrong now. An episode alerts once, however long it lasts; `smo alert ack` takes it over.

Open a run and its tab *Model metrics* for the curves: `0 alarm/e-value ...` is the evidence of each number, which alarms at
`0 alarm/threshold`; `0 alarm/state` is 0 for quiet, 1 for a night that says nothing new, 2 for an alarm. A step is a date, as an ordinal
(days since the year 1). The nightly page (artifact `report/nightly.html`) can be forwarded.
"""


@dataclass(frozen=True, kw_only=True)
class SavedView:
    """One entry of the menu *Views*; ``id`` is part of addresses that people keep, so it never changes.

    Parameters
    ----------
    columns : tuple of (str, int)
        Column ids of MLflow's table of runs, from the left, with their widths in pixels.
    """

    id: str
    name: str
    filter: str
    columns: tuple[tuple[str, int], ...]
    order_by: str = "attributes.start_time"
    descending: bool = True

    @property
    def tag(self) -> tuple[str, str]:
        """The experiment tag that holds this view: key and value."""
        names = [name for name, _ in self.columns]
        state: dict[str, object] = {
            "searchFilter": self.filter,
            "orderByKey": self.order_by,
            "orderByAsc": not self.descending,
            "selectedColumns": names,
            "columnOrder": names,
            "columnWidths": dict(self.columns),
            "groupBy": None,
            "runsHiddenMode": "SHOW_ALL",
        }
        text = json.dumps(state, separators=(",", ":"), sort_keys=True)
        envelope = {"name": self.name, "createdAt": _MADE_AT_MS, "updatedAt": _MADE_AT_MS, "state": text}
        return f"mlflow.sharedViewState.{self.id}", json.dumps(envelope, separators=(",", ":"), sort_keys=True)


def _tag_column(name: str) -> str:
    return f"tags.`{name}`"


SAVED_VIEWS = (
    SavedView(
        id="smo-effects",
        name="Effects of changes",
        filter="tags.`smo.role` = 'effect'",
        columns=(
            (_tag_column("decision"), 130),
            (_tag_column("effect"), 190),
            (_tag_column("guardrails"), 170),
            (_tag_column("cost"), 240),
            (_tag_column("change"), 320),
            (_tag_column("change_kind"), 150),
            (_tag_column("owner"), 150),
            ("attributes.`Description`", 520),
        ),
    ),
    SavedView(
        id="smo-replicates",
        name="Replicates by arm",
        filter="tags.`smo.role` = 'replicate'",
        # sorted by the time of creation, MLflow would fold the replicates under their effect run
        order_by=_tag_column("group"),
        descending=False,
        columns=(
            (_tag_column("group"), 190),
            (_tag_column("smo.arm"), 110),
            (_tag_column("smo.kind"), 110),
            (_tag_column("smo.seed"), 100),
            (_tag_column("smo.experiment"), 220),
            ("attributes.`Dataset`", 320),
        ),
    ),
    SavedView(
        id="smo-digest",
        name="Digest of every change",
        filter="tags.`smo.role` = 'digest'",
        columns=(
            (_tag_column("change"), 520),
            ("metrics.`0 digest/changes decided`", 130),
            ("metrics.`0 digest/ship count`", 110),
            ("metrics.`0 digest/false ships expected at most`", 180),
            ("metrics.`0 digest/ships that do not stand together`", 180),
        ),
    ),
)
"""The first one is where links lead."""


NIGHTLY_VIEWS = (
    SavedView(
        id="smo-nightly",
        name="Nightly evaluation",
        filter="tags.`smo.role` = 'nightly'",
        columns=(
            (_tag_column("state"), 130),
            (_tag_column("plan"), 150),
            (_tag_column("newest"), 120),
            (_tag_column("episodes"), 320),
            (_tag_column("missed"), 160),
            (_tag_column("baseline"), 130),
            ("attributes.`Description`", 520),
        ),
    ),
)
"""Of the experiment that holds the nights of an area."""


def experiment_tags() -> Mapping[str, str]:
    """Return the tags of a tracker's experiment of changes: its note, its kind, and the saved views."""
    return _experiment_tags(_NOTE, SAVED_VIEWS)


def nightly_experiment_tags() -> Mapping[str, str]:
    """Return the same of an experiment of nights."""
    return _experiment_tags(_NIGHTLY_NOTE, NIGHTLY_VIEWS)


def _experiment_tags(note: str, views: tuple[SavedView, ...]) -> Mapping[str, str]:
    return {
        "mlflow.note.content": note,
        "mlflow.experimentKind": "custom_model_development",
        "smo.schema_version": "1",
        **dict(view.tag for view in views),
    }


def view_url(base: str, experiment_id: str, view: str = "smo-effects") -> str:
    """Return the address of a saved view.

    Parameters
    ----------
    base : str
        Address of the MLflow server; empty gives the part after it.

    Examples
    --------
    >>> view_url("http://127.0.0.1:5000/", "3")
    'http://127.0.0.1:5000/#/experiments/3/runs?workflowType=machine_learning&viewStateShareKey=smo-effects'
    """
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs?{_WORKFLOW}&viewStateShareKey={view}"


def run_url(base: str, experiment_id: str, run_id: str) -> str:
    """Return the address of a run.

    Examples
    --------
    >>> run_url("", "3", "abc")
    '/#/experiments/3/runs/abc?workflowType=machine_learning'
    """
    return f"{base.rstrip('/')}/#/experiments/{experiment_id}/runs/{run_id}?{_WORKFLOW}"
