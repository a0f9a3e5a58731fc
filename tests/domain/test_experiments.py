from collections import Counter
from dataclasses import replace

import pytest

from smo_pipelines.domain.experiments import ArmName, NullTest, ReplicateKind
from tests.examples.records import example_experiment

EXPERIMENT = replace(example_experiment(), replicates=200, redraws=200)


def _seeds(arm: ArmName, kind: ReplicateKind, null_test: NullTest | None = None) -> list[int]:
    ids = replace(EXPERIMENT, null_test=null_test).replicate_ids()
    return [one.seed for one in sorted(ids) if one.arm is arm and one.kind is kind]


@pytest.mark.parametrize("kind", ReplicateKind)
def test_the_arms_of_an_ab_share_seeds_by_index(kind: ReplicateKind) -> None:
    seeds = _seeds(ArmName.control, kind)
    assert seeds == _seeds(ArmName.treatment, kind)
    assert len(set(seeds)) == 200


@pytest.mark.parametrize("null_test", NullTest)
def test_the_arms_of_an_aa_share_no_seed(null_test: NullTest) -> None:
    seeds = Counter(seed for arm in ArmName for kind in ReplicateKind for seed in _seeds(arm, kind, null_test))
    assert len(seeds) == 800 and max(seeds.values()) == 1


def test_redraws_use_no_seed_of_a_snapshot_fit() -> None:
    assert not set(_seeds(ArmName.control, ReplicateKind.snapshot)) & set(_seeds(ArmName.control, ReplicateKind.redraw))


def test_a_replicate_keeps_its_seed_when_more_are_asked_for() -> None:
    few = set(replace(EXPERIMENT, replicates=3, redraws=2).replicate_ids())
    assert few < set(EXPERIMENT.replicate_ids())
    assert len({one.label for one in EXPERIMENT.replicate_ids()}) == 800


@pytest.mark.parametrize(
    "change",
    [
        {"replicates": 5},
        {"redraws": 5},
        {"null_test": NullTest.disjoint_seeds},
        {"pins": (("guideline hate@4", "0"),)},
        {"version": 2},
    ],
)
def test_the_spec_hash_covers(change: dict[str, object]) -> None:
    assert replace(EXPERIMENT, **change).spec_hash != EXPERIMENT.spec_hash  # type: ignore[arg-type]
    assert replace(EXPERIMENT).spec_hash == EXPERIMENT.spec_hash
