"""What the tracker is told of the labels' quality: numbers where there are any, words where there are none."""

from dataclasses import replace

from smo_pipelines.domain.records import ArmFacts, ExperimentRecord, ProjectKpis
from smo_pipelines.tracking.log_items import final_items
from tests.examples.label_quality import example_quality, gold_outcome, share
from tests.examples.records import example_record


def with_quality() -> ExperimentRecord:
    return replace(example_record(), quality=example_quality())


def tags_of(record: ExperimentRecord) -> dict[str, str]:
    return {tag.key: tag.value for tag in final_items(record).tags}


def test_each_arm_s_agreement_is_a_metric_or_a_sentence_and_never_zero() -> None:
    found = {metric.key: metric.value for metric in final_items(with_quality()).metrics if "alpha" in metric.key}
    assert found == {"4 label/control alpha": 0.712, "4 label/control alpha ci low": -0.05, "4 label/control alpha ci high": 0.77}
    assert tags_of(with_quality())["agreement"] == (
        "control 0.712 [-0.050, 0.770]; treatment not measured: none of the 3874 items has two ratings"
    )


def test_a_key_figure_is_a_tag_with_the_status_of_its_worst_group() -> None:
    assert tags_of(with_quality())["kpi.accuracy on gold"] == "beyond limit"


def test_groups_and_arms_of_few_raters_are_left_out() -> None:
    def few(arm: ArmFacts) -> ArmFacts:
        return replace(arm, n_raters=4)

    hidden = ProjectKpis(project="demo", outcomes=(gold_outcome(share(0.5), raters=4),))
    record = with_quality()
    record = replace(record, arms=tuple(few(arm) for arm in record.arms), quality=replace(example_quality(), kpis=(hidden,)))
    assert not [key for key in tags_of(record) if key.startswith("kpi.") or key == "agreement"]
    assert not [metric for metric in final_items(record).metrics if "alpha" in metric.key]


def test_the_key_figures_of_two_projects_do_not_overwrite_one_another() -> None:
    quality = example_quality()
    other = ProjectKpis(project="other", outcomes=(gold_outcome(share(0.95)),))
    tags = tags_of(replace(with_quality(), quality=replace(quality, kpis=(*quality.kpis, other))))
    assert (tags["kpi.demo.accuracy on gold"], tags["kpi.other.accuracy on gold"]) == ("beyond limit", "met")


def test_quality_does_not_make_another_result() -> None:
    record = example_record()
    assert final_items(with_quality()).record_digest == final_items(record).record_digest
    assert "agreement" not in tags_of(record)


def test_both_arms_labels_are_inputs_under_their_digests() -> None:
    record = example_record()
    found = {one.context: (one.name, one.digest, one.source) for one in final_items(record).datasets}
    for arm in record.arms:
        assert found[f"training {arm.arm}"] == ("labels/hate", arm.snapshot_digest[:32], arm.snapshot_digest)


def test_arms_with_the_same_labels_are_one_input() -> None:
    record = example_record()
    same = tuple(replace(arm, snapshot_digest="a1" * 32) for arm in record.arms)
    contexts = [one.context for one in final_items(replace(record, arms=same)).datasets]
    assert contexts == ["training control and treatment", "benchmark", "benchmark"]
