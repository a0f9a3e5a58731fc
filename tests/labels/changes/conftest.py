"""Snapshots of the embedded operation, whose causes are known."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from smo_pipelines.config.guidelines import load_guidelines
from smo_pipelines.config.root import ProjectRoot
from smo_pipelines.domain.labels import RaterPool, SnapshotRecipe
from smo_pipelines.labels.guidelines import clause_edits
from smo_pipelines.labels.snapshot import build_snapshot
from smo_pipelines.labels.tables import LabelTables
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from tests.examples.projects import CHECKOUT

_POOLS = {
    "core@1": RaterPool(id="core@1", where=(("pool", ("core",)),)),
    "vendor-lenient@1": RaterPool(id="vendor-lenient@1", where=(("pool", ("vendor-lenient",)),)),
    "all": RaterPool(id="all"),
}


@pytest.fixture(scope="session")
def operation(tmp_path_factory):
    """The hate queue: its truth, the edits from hate@3 to hate@4, and a function from recipe fields to a snapshot."""
    simulated = simulate_operation(7, train_items=1500, benchmark_items=1, policies=("hate",))
    tables = LabelTables(tmp_path_factory.mktemp("operation"))
    write_operation(tables, simulated, imported_at=datetime(2026, 5, 1, tzinfo=UTC))
    guidelines = load_guidelines(ProjectRoot(CHECKOUT))

    def snapshot(**fields):
        recipe = SnapshotRecipe(**{"project": "demo", "question": "hate", "guideline": "hate@4", "pool": "core@1"} | fields)
        return build_snapshot(tables, recipe, guideline=guidelines[recipe.guideline], pool=_POOLS[recipe.pool])

    return SimpleNamespace(
        tables=tables,
        truth=simulated.truth.items.set_index("item_id"),
        raters=dict(zip(simulated.raters["rater_id"], simulated.raters["pool"], strict=True)),
        edits=clause_edits(guidelines["hate@3"], guidelines["hate@4"]),
        snapshot=snapshot,
        before=snapshot(guideline="hate@3"),
        after=snapshot(),
    )
