from dataclasses import replace

import pytest

from smo_pipelines.domain.attribution import (
    Attribution,
    CauseVerdict,
    Contrast,
    HeadAgreement,
    Partition,
    Player,
    Share,
    Split,
)
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.effects import Direction, Interval, NotEstimable, Question, WhyNot
from smo_pipelines.experiment.attributions import attribution_from_json
from smo_pipelines.report import render
from smo_pipelines.report.waterfall import cause_sections
from tests.examples.records import PRIMARY, example_record
from tests.report.test_page import ATTACK, Page


def contrast(estimate, half=None):
    return Contrast(estimate=estimate, interval=None if half is None else Interval(low=estimate - half, high=estimate + half))


def share(name, estimate, half, verdict):
    return Share(
        player=name,
        shapley=contrast(estimate, half),
        first_in=contrast(estimate),
        swap_back=contrast(estimate),
        null_limit=0.004,
        verdict=verdict,
        sentence="its interval holds 0" if verdict is CauseVerdict.within_noise else "its interval excludes 0",
    )


def attribution(name="clause 3.2", raters=9, direction=Direction.higher_is_better, metric="average_precision"):
    players = (
        Player(name=name, items=90, flips=36, raters=raters),
        Player(name="clauses not edited", items=300, flips=2, raters=9),
    )
    split = Split(
        question=replace(PRIMARY, metric=metric),
        direction=direction,
        control=0.50,
        treatment=0.62,
        change=contrast(0.12, 0.05),
        fine_tuned=contrast(0.10, 0.02),
        shares=(share(name, 0.15, 0.04, CauseVerdict.cause), share("clauses not edited", -0.03, None, CauseVerdict.within_noise)),
    )
    missing = NotEstimable(
        question=Question(metric="f1", on="demo-gold"), code=WhyNot.few_positives, sentence="3 items are positive"
    )
    return Attribution(
        partition=Partition.clauses,
        by="clause",
        agreement=HeadAgreement(head="tfidf", same_classifier=False, same_sign=True, rank=0.8, questions=9),
        players=players,
        splits=(split, missing),
        items=390,
        runs=5,
        redraws=10,
    )


def page(*attributions, verdict=Verdict.ship):
    return render(replace(example_record(verdict=verdict), attributions=attributions))


def test_each_step_begins_where_the_one_before_it_ended_and_the_last_is_the_whole() -> None:
    (section,) = cause_sections(replace(example_record(), attributions=(attribution(),)))
    (plot,) = section.plots
    first, second, whole = plot.steps
    assert [step.label for step in plot.steps] == ["clause 3.2", "clauses not edited", "the whole change"]
    assert first.x == plot.x_zero == whole.x
    assert second.x + second.width == pytest.approx(first.x + first.width, abs=0.02)
    assert second.x == pytest.approx(whole.x + whole.width, abs=0.02)
    assert first.width == pytest.approx(5 * second.width, rel=0.01)
    assert first.interval[0] < first.x + first.width < first.interval[1]
    assert second.interval is None
    assert (first.tone, second.tone, whole.tone) == ("better", "unclear", "better")
    assert first.value == "+15.0 (+11.0 to +19.0)"
    for step in plot.steps:
        assert 0 < step.x <= step.x + step.width < 100


def test_better_is_to_the_right_where_lower_is_better() -> None:
    worse = attribution(direction=Direction.lower_is_better, metric="false_positive_rate")
    (section,) = cause_sections(replace(example_record(), attributions=(worse,)))
    first = section.plots[0].steps[0]
    assert first.x + first.width == pytest.approx(section.plots[0].x_zero)
    assert first.tone == "worse"
    assert first.value.startswith("+15.0")


def test_the_page_says_whether_the_head_agrees_before_the_split() -> None:
    text = Page(page(attribution())).text
    places = [
        text.index(words)
        for words in ("Which part of the change", "The fast head tfidf moves the primary metric the same", "+15.0")
    ]
    assert places == sorted(places)
    assert "F1 on demo-gold: no split, 3 items are positive" in text
    assert "The experiment's own classifier: +10.0 (+8.0 to +12.0)" in text


def test_names_of_parts_are_text_and_never_markup() -> None:
    shown = Page(page(attribution(name=ATTACK)))
    assert not {"script", "img"} & {tag for tag, _ in shown.tags}
    assert ATTACK in shown.text


def test_a_part_of_few_raters_is_not_shown_nor_is_what_would_tell_it() -> None:
    text = Page(page(attribution(raters=4))).text
    assert "fewer than 5 raters" in text
    assert "+15.0" not in text
    assert "clauses not edited" not in text


def test_without_a_split_or_with_an_invalid_experiment_the_page_says_nothing_of_causes() -> None:
    heading = "Which part of the change"
    assert heading not in page()
    assert heading not in page(attribution(), verdict=Verdict.invalid)
    refused = NotEstimable(question=PRIMARY, code=WhyNot.few_ratings, sentence="it needs ratings that nobody gave")
    text = Page(page(Attribution(partition=Partition.raters, by="raters", refused=refused))).text
    assert "No split: it needs ratings that nobody gave." in text


def test_a_split_comes_back_from_the_store_as_it_was() -> None:
    refused = NotEstimable(question=PRIMARY, code=WhyNot.few_ratings, sentence="nobody", counts={"unrated": 3})
    for one in (attribution(), Attribution(partition=Partition.raters, by="raters", refused=refused)):
        assert attribution_from_json(canonical_json(one)) == one
