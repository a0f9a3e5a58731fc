"""What a record says of its labels' quality, made from a real project; it is never in the way of a decision."""

from itertools import permutations
from pathlib import Path

import pytest

from smo_pipelines.domain.effects import Interval
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.domain.labels import Votes
from smo_pipelines.domain.quality import Measured
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.kpis import quality_of_arms
from smo_pipelines.experiment.prepare import build_arms
from smo_pipelines.experiment.register import find_experiment, register_experiment
from smo_pipelines.experiment.workspace import Workspace, open_workspace


def arms_of(root: Path) -> tuple[Workspace, Arms]:
    workspace = open_workspace(root)
    file = find_experiment(workspace, "quick")
    return workspace, build_arms(workspace, register_experiment(workspace, file.raw, file.source).experiment)


def alpha_by_pairs(votes: Votes) -> float:
    """Krippendorff (2011), 1 - observed/expected disagreement, counted pair by pair."""
    units: dict[int, list[int]] = {}
    for item, label in zip(votes.item.tolist(), votes.label.tolist(), strict=True):
        units.setdefault(item, []).append(label)
    paired = [labels for labels in units.values() if len(labels) > 1]
    pool = [label for labels in paired for label in labels]
    observed = sum(sum(a != b for a, b in permutations(labels, 2)) / (len(labels) - 1) for labels in paired) / len(pool)
    counts = [pool.count(label) for label in set(pool)]
    expected = sum(n * (len(pool) - n) for n in counts) / (len(pool) * (len(pool) - 1))
    return 1 - observed / expected


def test_agreement_is_that_of_the_snapshot_s_votes_and_key_figures_are_the_project_s(project: Path) -> None:
    workspace, arms = arms_of(project)
    quality = quality_of_arms(workspace, arms)
    for arm in ArmName:
        told = quality.agreement[arm]
        assert isinstance(told, Measured)
        assert told.value == pytest.approx(alpha_by_pairs(arms.snapshots[arm].votes), abs=1e-12)
        assert isinstance(told.interval, Interval)
        assert told.interval.low < told.value < told.interval.high
    (demo,) = quality.kpis
    assert (demo.project, demo.why_none) == ("demo", "")
    assert {outcome.kpi.name for outcome in demo.outcomes} >= {"agreement on hate", "accepted in review"}


@pytest.mark.parametrize("text", [None, "kpis: [{name: x}]\n"])
def test_key_figures_that_are_not_there_or_not_readable_hold_up_nothing(project: Path, text: str | None) -> None:
    path = project / "configs" / "kpis" / "demo.yaml"
    path.unlink()
    if text is not None:
        path.write_text(text, encoding="utf-8")
    (demo,) = quality_of_arms(*arms_of(project)).kpis
    assert demo.outcomes == ()
    assert "kpis/demo.yaml" in demo.why_none
