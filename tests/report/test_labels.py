"""The section on labels: what it says, what it hides, and what it never holds."""

from dataclasses import replace

import pytest

from smo_pipelines.domain.effects import Interval, NotEstimable, Question, WhyNot
from smo_pipelines.domain.label_changes import (
    ClauseTouch,
    Component,
    FlipCount,
    OwnedFlips,
    Ownership,
    ReviewItem,
    ReviewReason,
    ShareShift,
)
from smo_pipelines.domain.pools import PoolComparison
from smo_pipelines.report import render
from smo_pipelines.report.labels import label_section
from tests.examples.records import example_record


def count(flips, expected, *, items=600, raters=40, name="x"):
    up, down = flips
    return FlipCount(
        group=name, items=items, to_positive=up, to_negative=down, expected=expected, expected_low=expected - 10,
        expected_high=expected + 10, net_low=-9, net_high=9, raters=raters,
    )  # fmt: skip


def shift(change, low, high):
    return ShareShift(
        control=0.31, treatment=0.31 + change, change=change, interval=Interval(low=low, high=high), p=0.01,
        variances={"items": 1e-4, "raters": 1e-4}, n_items=3812, effective_raters=41.0, redraws=200,
    )  # fmt: skip


REFUSED = NotEstimable(
    question=Question(metric="owned_flips", on="matched items"), code=WhyNot.within_chance, sentence="-3 is not much", counts={}
)
RATERS = PoolComparison(
    before="control", after="treatment", raters_before=44, raters_after=50, shared=40, ratings_before=900, ratings_after=1000,
    shared_ratings_before=0.95, shared_ratings_after=0.81, moved_ratings=0.2,
)  # fmt: skip


def section(*, raters=40, **changes):
    return label_section(filled(raters=raters, **changes))


def filled(*, raters=40, **changes):
    record = example_record()
    edit = record.clause_edits[0]
    inside, outside = count((8, 301), 42, raters=raters), count((53, 101), 148, items=3212)
    owners = (
        OwnedFlips(component=Component.unexplained, name="", count=count((5, 5), 20)),
        OwnedFlips(component=Component.clause, name="3.2", count=inside),
        OwnedFlips(component=Component.pool, name="pool core@1 → vendor@2", count=count((30, 60), 80)),
    )
    given = {
        "total": count((61, 402), 190, items=3812),
        "matched_shift": shift(-0.09, -0.11, -0.07),
        "mix_shift": shift(-0.004, -0.01, 0.002),
        "ownership": Ownership(owners=owners),
        "clauses": (ClauseTouch(edit=edit, known_by={"clause": 600, "items": 0}, inside=inside, outside=outside, shift=REFUSED),),
        "review": (ReviewItem(item_id="item-7", priority=0.6, reasons=(ReviewReason.against_gold, ReviewReason.near_tie)),),
        "raters": RATERS,
    } | changes
    return replace(record, labels=replace(record.labels, **given))


def test_the_page_shows_the_whole_section_and_escapes_it() -> None:
    attack = "<script>x</script>"
    review = (ReviewItem(item_id=attack, priority=0.6, reasons=(ReviewReason.near_tie,)),)
    owners = (OwnedFlips(component=Component.clause, name=attack, count=count((1, 2), 1)),)
    html = render(filled(review=review, ownership=Ownership(owners=owners, refused=replace(REFUSED, sentence=attack))))
    for words in (
        "Which part of the change owns the flips",
        "No owner is named",
        "The items of each edited clause",
        "Items to look at again",
    ):
        assert words in html
    assert attack not in html
    assert html.count("&lt;script&gt;x&lt;/script&gt;") >= 3


def test_every_number_stands_beside_what_chance_would_give() -> None:
    found = section()
    share, mix, direction, raters = found.shift
    assert "31.0% → 22.0%, a change of −9.0 points (−11.0 to −7.0)" in share  # noqa: RUF001 -- a minus sign
    assert "add −0.4 points (−1.0 to +0.2)" in mix  # noqa: RUF001
    assert "61 labels became positive and 402 negative, −341 net" in direction  # noqa: RUF001
    assert "40 raters work in both arms, of 44 and 50; they gave 95% of the control's ratings and 81%" in raters
    clause = found.owners[0]
    assert (clause.owner, clause.flips, clause.expected, clause.beyond) == (
        "clause 3.2",
        "309",
        "42 (32 to 52)",
        "+267 (+257 to +277)",
    )
    assert (clause.share, clause.share_by_chance) == ("−7.7", "−0.2 to +0.2")  # noqa: RUF001
    assert [row.owner for row in found.owners[1:]] == ["who rated (pool core@1 → vendor@2)", "no part of the change"]
    (touched,) = found.clauses
    assert (touched.clause, touched.inside, touched.outside) == ("3.2 (edited)", "309", "154")
    assert touched.change == "could not be computed: -3 is not much"


def test_a_refusal_is_a_sentence() -> None:
    refused = section(ownership=Ownership(owners=(), refused=REFUSED))
    assert refused.refused == "−3 is not much"  # noqa: RUF001 -- a minus sign
    assert refused.owners == ()


def test_items_are_named_by_id_with_their_reasons() -> None:
    (row,) = section().review
    assert (row.item, row.priority, row.reasons) == ("item-7", "0.60", "left a gold that did not change; close to a tie")


def test_fewer_than_five_raters_are_not_told_apart() -> None:
    few = section(raters=4)
    assert (few.hidden_owners, few.hidden_clauses, few.clauses) == (1, 1, ())
    assert [row.owner for row in few.owners] == ["who rated (pool core@1 → vendor@2)", "no part of the change"]
    for raters in ({"shared": 3}, {"raters_before": 4, "shared": 0}):
        assert section_of_raters(**raters) == "How the arms' raters compare is not shown: it would tell of fewer than 5 raters."
    assert section_of_raters(shared=0) == "No rater works in both arms (44 and 50 raters)."


def section_of_raters(**changes):
    record = example_record()
    return label_section(replace(record, labels=replace(record.labels, raters=replace(RATERS, **changes)))).shift[-1]


def test_no_item_is_listed_when_an_arm_has_few_raters() -> None:
    record = example_record()
    review = (ReviewItem(item_id="item-7", priority=0.6, reasons=(ReviewReason.near_tie,)),)
    arms = tuple(replace(arm, n_raters=4) for arm in record.arms)
    assert label_section(replace(record, arms=arms, labels=replace(record.labels, review=review))).review == ()


@pytest.mark.parametrize(("items", "tables"), [(3812, 1), (3000, 2)])
def test_one_group_of_all_items_is_no_table(items: int, tables: int) -> None:
    record = example_record()
    by = {"split": (count((61, 402), 190, items=items, name="train"),)}
    assert len(label_section(replace(record, labels=replace(record.labels, by=by))).tables) == tables
