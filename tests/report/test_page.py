import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.experiments import Assignment
from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.domain.label_changes import FlipCount
from smo_pipelines.domain.records import ArmFacts, ExperimentRecord
from smo_pipelines.report import forest_png, render
from tests.examples.records import PRIMARY, example_experiment, example_record

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=y>{{ 7 * 7 }}"


class Page(HTMLParser):
    """Every tag with its attributes, and all text outside of style."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._style = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._style = tag == "style"

    def handle_data(self, data: str) -> None:
        if not self._style:
            self.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "style":
            self._style = False


def attacked() -> ExperimentRecord:
    record = example_record(experiment=example_experiment(what=ATTACK))
    group = FlipCount(group=ATTACK, items=50, to_positive=1, to_negative=2, raters=9)
    return replace(
        record,
        decision=replace(record.decision, sentence=ATTACK, reasons=(ATTACK,)),
        labels=replace(record.labels, by={ATTACK: (group,)}),
        clause_edits=(ClauseEdit(id=ATTACK, change=ClauseChange.edited, before=ATTACK, after="plain"),),
        provenance=replace(record.provenance, links={ATTACK: "javascript:alert(1)", "x": 'https://a.example/"onload="y'}),
    )


def test_what_people_wrote_is_text_and_never_markup() -> None:
    page = Page(render(attacked()))
    assert not {"script", "img"} & {tag for tag, _ in page.tags}
    assert not [key for _, attributes in page.tags for key in attributes if key.startswith("on")]
    assert "<script>alert('x')</script>" in page.text
    assert "{{ 7 * 7 }}" in page.text
    addresses = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert addresses == ['https://a.example/"onload="y']


def test_the_page_asks_nothing_of_the_network() -> None:
    page = Page(render(example_record()))
    assert not {"script", "link", "img", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    loads = [
        (tag, key)
        for tag, attributes in page.tags
        for key in attributes
        if key in ("src", "srcset", "data", "action", "xlink:href")
    ]
    assert loads == []
    assert [a["href"] for tag, a in page.tags if tag == "a"] == ["http://127.0.0.1:3000/runs/1"]
    style = re.findall(r"<style>(.*?)</style>", render(example_record()), re.S)
    assert len(style) == 1
    assert "url(" not in style[0]
    assert "@import" not in style[0]


def test_the_verdict_the_effect_and_its_interval_come_first() -> None:
    text = Page(render(example_record())).text
    places = [text.index(words) for words in ("Ship", "+4.1", "95% interval +2.7 to +5.5", "Guardrails", "All numbers")]
    assert places == sorted(places)


def test_an_invalid_experiment_shows_no_effect_anywhere() -> None:
    record = example_record(verdict=Verdict.invalid)
    html = render(record)
    text = Page(html).text
    assert "Invalid" in text
    assert "No effect is shown" in text
    assert "can be called an effect" not in text
    assert "once in a million years" in text
    shown = Page(render(example_record())).text
    for number in ("+4.1", "+2.7 to +5.5", "77.2", "73.1", "−2.2"):  # noqa: RUF001 -- a minus sign
        assert number in shown
        assert number not in html
    assert "cx=" not in html


def test_a_question_without_an_answer_is_named_with_its_reason() -> None:
    text = Page(render(example_record())).text
    after = text[text.index("What could not be computed") :]
    assert "AUROC on demo-gold, gold hate@4, locale mt-MT" in after
    assert "only 3 items of this slice are positive; 10 are needed (few positives)" in after
    assert not re.search(r"\b(nan|inf)\b", text.lower())


def test_a_primary_question_without_an_answer_says_so_in_the_large_type() -> None:
    record = example_record(verdict=Verdict.inconclusive)
    *_, missing = record.decision.effects
    missing = replace(missing, question=PRIMARY)
    text = Page(render(replace(record, decision=replace(record.decision, effects=(missing,))))).text
    assert "Could not be computed: only 3 items of this slice are positive; 10 are needed." in text


@pytest.mark.parametrize("raters", [4, None])
def test_small_groups_are_left_out_and_counted(raters: int | None) -> None:
    record = example_record()
    small = FlipCount(group="one-person", items=4, to_positive=3, to_negative=0, raters=raters)
    large = FlipCount(group="many-people", items=400, to_positive=3, to_negative=0, raters=5)
    text = Page(render(replace(record, labels=replace(record.labels, by={"locale": (small, large)})))).text
    assert "one-person" not in text
    assert "many-people" in text
    assert "1 group is not shown by locale: fewer than 5 raters." in text


def test_an_arm_of_few_raters_does_not_say_how_few() -> None:
    record = example_record()

    def few(arm: ArmFacts) -> ArmFacts:
        return replace(arm, n_raters=3, effective_raters=2.5)

    text = Page(render(replace(record, arms=tuple(few(arm) for arm in record.arms)))).text
    assert "fewer than 5" in text
    assert "3 (2 effective" not in text


def test_without_random_assignment_the_page_does_not_claim_a_cause() -> None:
    experiment = replace(example_experiment(), assignment=Assignment.before_after)
    text = Page(render(example_record(experiment=experiment))).text
    assert "associated with the change, not shown to be caused by it" in text


def test_the_same_record_gives_the_same_page_and_picture() -> None:
    assert render(example_record()) == render(example_record())
    assert forest_png(example_record()) == forest_png(example_record())


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_its_word_and_colour(verdict: Verdict) -> None:
    html = render(example_record(verdict=verdict))
    assert f"var(--{verdict.value})" in html
    assert f"--{verdict.value}: #" in html


def test_numbers_from_the_future_of_the_record_are_not_needed() -> None:
    record = example_record()
    bare = replace(
        record, arms=(), clause_edits=(), replicates=(), benchmarks=(), labels=replace(record.labels, by={}),
        decision=replace(record.decision, effects=(), guardrails=(), findings=()),
    )  # fmt: skip
    assert "the question was not answered" in Page(render(bare)).text


def test_the_primary_says_where_its_uncertainty_comes_from_and_what_would_narrow_it() -> None:
    text = Page(render(example_record())).text
    assert "raters 53%, benchmark items 37%, training runs 8%, single runs on single items 3%." in text
    assert "More raters would narrow the interval most: twice as many by 22%" in text
    assert "as a check: Satterthwaite +2.8 to +5.4." in text  # 4.1 +- 0.95 * 1.4
    unsplit = replace(example_record().decision.effects[0], components={}, to_narrow="", checks={})
    record = example_record()
    bare = replace(record, decision=replace(record.decision, effects=(unsplit, *record.decision.effects[1:])))
    assert "Where the uncertainty comes from" not in Page(render(bare)).text
    assert "by other rules" not in Page(render(bare)).text


def test_a_reason_that_the_sentence_gives_already_is_not_given_again() -> None:
    record = example_record()
    said, more = "Average precision rose by 4 points", "The estimate is about raters like these."
    decision = replace(record.decision, sentence=f"SHIP: {said.lower()}; no guardrail was set.", reasons=(f"{said}.", more))
    text = Page(render(replace(record, decision=decision))).text
    assert text.casefold().count(said.casefold()) == 1
    assert more in text
