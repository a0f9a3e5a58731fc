from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.analysis.decide import decide
from smo_pipelines.benchmarks.leakage import Leakage
from smo_pipelines.domain.decisions import FindingCode
from smo_pipelines.domain.experiments import ArmName, Experiment, ReplicateKind
from smo_pipelines.errors import BenchmarkError, OneClass
from smo_pipelines.experiment.arms import refuse_one_class
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.jobs import jobs_of
from smo_pipelines.experiment.prepare import build_arms, is_pinned, load_arms, pin_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.stored_facts import pack_leakage, unpack_leakage
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.redraw import redraw_shape, redrawn
from smo_pipelines.simulate.operation import simulate_operation
from smo_pipelines.simulate.write import write_operation
from tests.examples.projects import spec


def _experiment(workspace: Workspace, **changes: Any) -> Experiment:
    return register_experiment(workspace, spec(**changes), "a test").experiment


def test_building_writes_nothing_and_pinning_fixes_it(workspace: Workspace) -> None:
    experiment = _experiment(workspace)
    built = build_arms(workspace, experiment)
    assert built.valid and not is_pinned(workspace, experiment)
    assert workspace.store.keys("snapshots") == []
    pinned = pin_arms(workspace, experiment, built)
    assert is_pinned(workspace, experiment)
    assert load_arms(workspace, experiment).known == built.known
    assert set(built.known.raters) >= {"kind", "pool", "locale"}
    assert {len(side) for side in built.known.gold} == {len(built.matching)}
    more = simulate_operation(0, train_items=260, benchmark_items=200, policies=["hate"], rater_seed=5)
    write_operation(workspace.tables, more, imported_at=datetime(2026, 6, 1, tzinfo=UTC))
    again = pin_arms(workspace, experiment)
    fresh = build_arms(workspace, _experiment(workspace, id="fresh"))
    for arm in ArmName:
        assert load_arms(workspace, experiment).snapshots[arm].digest == again.snapshots[arm].digest == pinned.snapshots[arm].digest
        assert fresh.snapshots[arm].digest != pinned.snapshots[arm].digest


def test_what_leaks_is_found_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    experiment = _experiment(workspace)
    found = pin_arms(workspace, experiment).leakage
    monkeypatch.setattr("smo_pipelines.experiment.arms.leaked_items", None)  # nobody may look for it again
    pinned = load_arms(workspace, experiment)
    assert pinned.leakage == found and found.n_training > 0
    assert len(pinned.matching) > 0


def test_leaked_items_come_back_from_the_store(workspace: Workspace) -> None:
    found = Leakage(
        exact={"gold": ("item-1", "item-7"), "other": ()}, near={"gold": ("item-3",), "other": ("item-7",)}, n_training=20
    )
    entry = workspace.store.put("trial", "with", meta={}, files=pack_leakage(found))
    assert unpack_leakage(entry) == found
    assert unpack_leakage(workspace.store.put("trial", "without", meta={}, files={})) is None


def test_jobs_of_pinned_and_loaded_arms_are_the_same(workspace: Workspace) -> None:
    experiment = _experiment(workspace)
    pinned = pin_arms(workspace, experiment)
    assert jobs_of(workspace, load_arms(workspace, experiment)) == jobs_of(workspace, pinned)


def test_arms_that_are_not_valid_are_not_pinned(workspace: Workspace) -> None:
    experiment = _experiment(workspace, control={**spec()["control"], "items": {"split": "train", "locale": "en-GB"}})
    arms = pin_arms(workspace, experiment)
    assert not arms.valid and not is_pinned(workspace, experiment)
    failed = {finding.code for finding in arms.findings if finding.blocking and not finding.passed}
    assert FindingCode.few_matched_items in failed
    assert not any("the same ones" in finding.sentence for finding in arms.findings)  # they have items in common, only too few
    refuse_one_class(arms)  # few items are a result, not a mistake


def test_no_common_item_is_no_single_label(workspace: Workspace) -> None:
    control = {**spec()["control"], "items": {"locale": "en-GB"}}
    arms = build_arms(
        workspace, _experiment(workspace, control=control, treatment={"items": {"locale": "id-ID"}, "guideline": "hate@4"})
    )
    assert len(arms.matching.training_set(ArmName.control)) == 0
    assert not arms.valid
    (finding,) = [one for one in arms.findings if one.code is FindingCode.few_matched_items]
    assert finding.sentence.startswith("0 items are labelled by both arms") and finding.sentence.endswith(
        "let both label the same ones"
    )
    refuse_one_class(arms)


@pytest.mark.parametrize(("label", "word"), [(0, "negative"), (1, "positive")])
def test_one_label_is_refused(label: int, word: str, workspace: Workspace) -> None:
    arms = build_arms(workspace, _experiment(workspace))
    treatment = arms.snapshots[ArmName.treatment]
    same = replace(treatment, labels=np.full(len(treatment), label))
    with pytest.raises(OneClass, match=f"the treatment arm labels all of its .* training items {word}"):
        refuse_one_class(replace(arms, snapshots={**arms.snapshots, ArmName.treatment: same}))
    refuse_one_class(arms)


def test_redraws_relabel_and_snapshots_do_not(workspace: Workspace) -> None:
    arms = build_arms(workspace, _experiment(workspace))
    snapshot = arms.training_set(ArmName.control, ReplicateKind.snapshot, 0)
    redraws = [arms.training_set(ArmName.control, ReplicateKind.redraw, index) for index in range(3)]
    assert arms.training_set(ArmName.control, ReplicateKind.snapshot, 1).digest == snapshot.digest
    assert len({redraw.digest for redraw in (*redraws, snapshot)}) == 4
    for redraw in redraws:
        assert redraw.item_ids.tolist() == snapshot.item_ids.tolist()
        assert redraw.dev.tolist() == snapshot.dev.tolist()
    control = arms.snapshots[ArmName.control]
    others = redrawn(control, redraw=1, shape=redraw_shape(control)).labels
    assert redraws[1].labels.tolist() == others[np.searchsorted(control.item_ids, redraws[1].item_ids)].tolist()


def test_a_benchmark_that_asks_for_what_its_items_lack(workspace: Workspace) -> None:
    path = workspace.root.configs / "benchmarks" / "gold.yaml"
    path.write_text(path.read_text().replace("- clause", "- claus"))
    with pytest.raises(BenchmarkError, match="no attribute 'claus'; did you mean 'clause'"):
        build_arms(workspace, _experiment(workspace))


def _model_that_labels(workspace: Workspace, gold_items: list[str]) -> None:
    """Import a model of the core pool that labels fifty training items, and gives gold of some items."""
    items = workspace.tables.items("demo")
    training = items.item_ids[np.asarray(items.attributes["split"]) == "train"].tolist()[:50]
    texts = dict(zip(items.item_ids.tolist(), items.texts.tolist(), strict=True))
    rated = [
        {
            "item_id": item,
            "rater_id": "judge",
            "question": "hate",
            "guideline": guideline,
            "label": "none",
            "is_gold": item in gold_items,
        }
        for guideline in ("hate@3", "hate@4")
        for item in (*training, *gold_items)
    ]
    labels = workspace.catalogue.guidelines["hate@4"]
    negative = next(label for label in labels.labels if label != labels.positive)
    batch = LabelBatch(
        project="demo",
        source="a model",
        items=pd.DataFrame({"item_id": [*training, *gold_items], "text": [texts[item] for item in (*training, *gold_items)]}),
        raters=pd.DataFrame({"rater_id": ["judge"], "kind": ["model"], "pool": ["core"]}),
        ratings=pd.DataFrame(rated).assign(label=negative),
    )
    workspace.tables.append(batch, imported_at=datetime(2026, 5, 2, tzinfo=UTC))


def test_a_model_behind_both_the_training_labels_and_the_gold_is_a_warning(workspace: Workspace) -> None:
    plain = build_arms(workspace, _experiment(workspace))
    assert not [finding for finding in plain.findings if finding.code is FindingCode.circular_gold]
    gold = load_benchmark(workspace, "gold").item_ids.tolist()[:5]
    _model_that_labels(workspace, gold)
    # without the overlap, every rating counts, the model's too
    experiment = _experiment(workspace, id="judged", control={**spec()["control"], "overlap": None})
    arms = build_arms(workspace, experiment)
    (warning,) = [finding for finding in arms.findings if finding.code is FindingCode.circular_gold]
    assert not warning.passed and not warning.blocking and arms.valid
    assert warning.sentence.startswith(
        "of the 1 model raters behind the gold of gold, 1 labelled for the control arm and 1 labelled for"
    )
    assert pin_arms(workspace, experiment, arms).findings == load_arms(workspace, experiment).findings == arms.findings
    decision = decide((), experiment=experiment, findings=arms.findings)
    assert [reason for reason in decision.reasons if "agreement with the model" in reason]

    # of another pool, the model labels nothing that is trained on
    elsewhere = {**spec()["control"], "guideline": "hate@4", "pool": "vendor-lenient@1", "overlap": None}
    apart = _experiment(workspace, id="apart", control=elsewhere, treatment={"overlap": 2}, guardrails=None)
    (passed,) = [finding for finding in build_arms(workspace, apart).findings if finding.code is FindingCode.circular_gold]
    assert passed.passed and "none of the 1 model raters" in passed.sentence
