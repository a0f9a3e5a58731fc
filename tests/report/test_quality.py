"""The section on the quality of the labels: reasons in place of numbers, and nobody recognisable."""

from dataclasses import replace

from smo_pipelines.domain.records import ProjectKpis
from smo_pipelines.report import render
from smo_pipelines.report.quality import quality_section
from tests.examples.label_quality import example_quality
from tests.examples.records import example_record

RECORD = replace(example_record(), quality=example_quality())


def test_an_arm_has_its_interval_or_the_reason_why_there_is_none() -> None:
    section = quality_section(RECORD)
    assert section is not None
    control, treatment = section.agreement
    assert (control.value, control.interval, control.items) == ("0.712", "−0.050 to 0.770", "3,100")  # noqa: RUF001
    assert (treatment.value, treatment.note) == ("", "not measured: none of the 3874 items has two ratings")


def test_an_arm_of_few_raters_shows_no_number() -> None:
    section = quality_section(replace(RECORD, arms=tuple(replace(arm, n_raters=4) for arm in RECORD.arms)))
    assert section is not None
    assert {row.value for row in section.agreement} == {""}
    assert {row.note for row in section.agreement} == {"not shown: fewer than 5 raters"}


def test_the_worst_key_figure_comes_first_and_few_raters_are_counted_alone() -> None:
    section = quality_section(RECORD)
    assert section is not None
    (table,) = section.kpis
    assert [row.word for row in table.rows] == ["beyond limit", "met"]
    assert table.hidden == 1
    page = render(RECORD)
    assert "Quality of the labels" in page
    assert "tiny" not in page


def test_a_project_without_key_figures_says_why() -> None:
    none = ProjectKpis(project="demo", why_none="write <b>configs/kpis/demo.yaml</b>")
    page = render(replace(RECORD, quality=replace(example_quality(), kpis=(none,))))
    assert "None is judged: write &lt;b&gt;configs/kpis/demo.yaml" in page


def test_a_record_from_before_has_no_such_section() -> None:
    assert "Quality of the labels" not in render(example_record())
