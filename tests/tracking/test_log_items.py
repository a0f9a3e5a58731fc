import json
import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.records import ExperimentRecord
from smo_pipelines.errors import TrackingError
from smo_pipelines.tracking.items import Artifact, Dataset, Metric, Tag, cut, finite_metrics, key_part
from smo_pipelines.tracking.log_items import DECISIONS, effects_table, final_items, planned_items
from tests.examples.records import PRIMARY, example_experiment, example_record


def tags_of(record: ExperimentRecord) -> dict[str, str]:
    items = final_items(record)
    return {tag.key: tag.value for tag in (*items.tags, *items.last_tags)}


def without_primary(record: ExperimentRecord) -> ExperimentRecord:
    missing = NotEstimable(question=PRIMARY, code=WhyNot.few_raters, sentence="5 effective raters; 8 are needed")
    return replace(record, decision=replace(record.decision, effects=(missing, *record.decision.effects[1:])))


@pytest.mark.parametrize("verdict", list(Verdict))
def test_the_decision_is_one_of_a_closed_list_and_written_last(verdict: Verdict) -> None:
    items = final_items(example_record(verdict=verdict))
    last = {tag.key: tag.value for tag in items.last_tags}
    assert last["decision"] in DECISIONS
    assert last["smo.state"] == "final"
    assert not {"decision", "smo.state"} & {tag.key for tag in items.tags}
    assert {tag.key: tag.value for tag in items.first_tags}["decision"] == "PLANNED"


def test_a_row_has_every_tag_a_lead_reads() -> None:
    tags = tags_of(example_record())
    assert {"decision", "effect", "guardrails", "change", "change_kind", "owner"} <= set(tags)
    assert tags["smo.spec_hash"] == example_experiment().spec_hash
    assert tags["smo.snapshot_control"] == "a1" * 32
    assert tags["smo.link.dagster"] == "http://127.0.0.1:3000/runs/1"


def test_what_could_not_be_computed_is_words_and_never_a_number() -> None:
    record = without_primary(example_record())
    items, tags = final_items(record), tags_of(record)
    assert tags["effect"] == "not estimable: few_raters"
    assert "few_raters" in tags["smo.not_estimable"]
    assert "5 effective raters; 8 are needed (few_raters)" in tags["mlflow.note.content"]
    assert not [metric for metric in items.metrics if metric.key.startswith("1 effect/") or "mt-MT" in metric.key]
    table = effects_table(record)
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["data"] if isinstance(row, list)]
    (row,) = [row for row in rows if row["role"] == "primary"]
    assert [row[name] for name in ("change", "low", "high", "p")] == [None] * 4
    assert row["why not"] == "few_raters: 5 effective raters; 8 are needed"


def test_a_metric_that_is_not_finite_is_named_and_not_logged() -> None:
    record = example_record()
    first = replace(record.replicates[0], metrics={"f1 on demo-gold": math.inf, "auroc on demo-gold": 0.8})
    child = final_items(replace(record, replicates=(first,))).children[0]
    assert [metric.key for metric in child.metrics] == ["bench/demo-gold/auroc", "train/threshold"]
    assert {tag.key: tag.value for tag in child.tags}["smo.not_finite"] == "bench/demo-gold/f1"


def test_the_first_line_of_a_note_is_a_plain_sentence() -> None:
    first, *_ = tags_of(example_record())["mlflow.note.content"].splitlines()
    assert first == (
        "SHIP - Average precision on demo-gold, gold hate@4 +4.1 pp (95% +2.7 to +5.5), guardrails 2/2 ok. "
        "clause 3.2 exempts quoted hate."
    )


def test_long_and_hostile_words_fit_and_are_not_markup() -> None:
    what = "<b>|`x` [y](http://z) " + "é" * 9000
    items = final_items(example_record(experiment=example_experiment(what=what)))
    note = {tag.key: tag.value for tag in items.last_tags}["mlflow.note.content"]
    assert len(note) <= 8000
    assert len(items.run_name) <= 60
    assert items.run_name.startswith("OC-0042 guideline_edit:")
    assert not set("<>`[]") & set(note)


def test_the_note_leads_to_the_dagster_run_and_to_no_other_kind_of_address() -> None:
    record = example_record()
    assert "\nRun by dagster: http://127.0.0.1:3000/runs/1\n" in tags_of(record)["mlflow.note.content"]
    odd = replace(record, provenance=replace(record.provenance, links={"dagster": "javascript:alert(1)"}))
    assert "javascript" not in tags_of(odd)["mlflow.note.content"]


def test_many_effects_do_not_overflow_the_note() -> None:
    record = example_record()
    effects = tuple(effect for effect in record.decision.effects for _ in range(60))
    note = tags_of(replace(record, decision=replace(record.decision, effects=effects)))["mlflow.note.content"]
    assert len(note) <= 8000
    assert note.endswith("(more in the report)")


def test_two_launches_of_one_result_have_one_digest() -> None:
    record = example_record()
    later = replace(record, provenance=replace(record.provenance, finished_at="2027-01-01T00:00:00+00:00"))
    other = example_record(verdict=Verdict.hold)
    assert final_items(record).record_digest == final_items(later).record_digest != final_items(other).record_digest


def test_each_child_names_its_arm_kind_and_seed_and_its_own_labels() -> None:
    child = final_items(example_record()).children[0]
    tags = {tag.key: tag.value for tag in child.tags}
    assert (tags["smo.role"], tags["smo.arm"], tags["smo.kind"], tags["smo.seed"]) == ("replicate", "control", "snapshot", "0")
    assert [one.context for one in child.datasets] == ["training control", "benchmark", "benchmark"]


def test_the_plan_is_the_same_before_and_after() -> None:
    plan, final = planned_items(example_experiment()), final_items(example_record())
    assert (plan.params, plan.run_name, plan.experiment_name) == (final.params, final.run_name, final.experiment_name)
    assert plan.artifacts[0] == final.artifacts[0]
    assert plan.metrics == ()
    kept = json.loads(plan.artifacts[0].content)
    assert (kept["spec_hash"], kept["rule_hash"]) == (example_experiment().spec_hash, example_experiment().rule.digest)
    assert kept["spec"]["treatment"]["guideline"] == "hate@4"


@settings(deadline=None, max_examples=60)
@given(st.text(max_size=400))
def test_every_text_becomes_a_name_the_tracker_takes(text: str) -> None:
    metrics, _ = finite_metrics([(f"bench/{key_part(text) or 'other'}/f1", 1.0), (f"bench/{key_part(text) or 'other'}/f1", 2.0)])
    assert len({metric.key for metric in metrics}) == 2


@settings(deadline=None, max_examples=60)
@given(st.text(), st.integers(1, 80))
def test_cut_keeps_the_limit_and_one_line(text: str, limit: int) -> None:
    assert len(cut(text, limit)) <= limit
    assert len(cut(text, limit).splitlines()) <= 1


def test_limits_are_refused_in_words() -> None:
    for wrong in (
        lambda: Metric(key="f1", value=math.nan),
        lambda: Metric(key="f1@5", value=0.0),
        lambda: Tag(key="note", value="x" * 8001),
        lambda: Dataset(name="labels/a", digest="a" * 64, context="benchmark", source=""),
        lambda: Artifact(path="../../etc/passwd", content=b""),
    ):
        with pytest.raises(TrackingError):
            wrong()
