from dataclasses import replace

import numpy as np
import pytest

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit
from smo_pipelines.domain.labels import Aggregation, TieRule
from smo_pipelines.errors import CannotEstimate, NoRatings
from smo_pipelines.labels.changes.games import clause_game, locale_game, rater_game, recipe_game
from smo_pipelines.labels.matching import match
from smo_pipelines.labels.redraw import redraw_labels
from tests.examples.snapshots import snapshot_of

N = 40
ITEMS = [f"i{k:03}" for k in range(N)]
CLAUSE = {name: ("3.2" if k < 20 else "3.4" if k < 30 else "3.1") for k, name in enumerate(ITEMS)}
LOCALE = {name: ("en" if k % 2 else "th") for k, name in enumerate(ITEMS)}
EDITS = [ClauseEdit(id=name, change=ClauseChange.edited, before="", after="") for name in ("3.2", "3.4")]


def votes(**of_clause: list[int]) -> dict[str, list[int]]:
    """Five votes an item: those of its clause, else three to two for the negative."""
    return {name: of_clause.get(f"c{CLAUSE[name].replace('.', '')}", [0, 0, 0, 1, 1]) for name in ITEMS}


def arms(before: dict, after: dict, raters: dict | None = None, **treatment):
    attributes = {"clause": CLAUSE, "locale": LOCALE}
    control = snapshot_of(before, raters=raters, attributes=attributes, guideline="hate@3")
    return match(control, snapshot_of(after, raters=raters, attributes=attributes, **{"guideline": "hate@4"} | treatment))


RELABELLED = arms(votes(c32=[1, 1, 1, 1, 0]), votes(c32=[0, 0, 0, 0, 1], c34=[1, 1, 1, 0, 0]))


def labels(game, coalition: int) -> np.ndarray:
    return game.training_set(coalition).labels


def test_an_item_follows_its_clause() -> None:
    game = clause_game(RELABELLED, EDITS)
    assert [player.name for player in game.players] == ["clause 3.2", "clause 3.4", "clauses not edited"]
    assert [(player.items, player.flips, player.raters) for player in game.players] == [(20, 20, 5), (10, 10, 5), (10, 0, 5)]
    before, after = (snapshot.labels for snapshot in (RELABELLED.control, RELABELLED.treatment))
    np.testing.assert_array_equal(labels(game, 0), before)
    np.testing.assert_array_equal(labels(game, 7), after)
    first = np.array([CLAUSE[name] == "3.2" for name in ITEMS])
    np.testing.assert_array_equal(labels(game, 1), np.where(first, after, before))
    np.testing.assert_array_equal(labels(game, 2), np.where(np.array([CLAUSE[n] == "3.4" for n in ITEMS]), after, before))


def test_a_part_that_changes_no_label_gives_the_same_training_set() -> None:
    game = clause_game(RELABELLED, EDITS)
    for coalition in range(4):
        assert game.training_set(coalition).digest == game.training_set(coalition | 4).digest


def test_redraws_of_the_ends_are_those_of_the_arms() -> None:
    game = clause_game(RELABELLED, EDITS)
    for redraw in range(3):
        for coalition, arm in ((0, RELABELLED.control), (7, RELABELLED.treatment)):
            np.testing.assert_array_equal(
                game.training_set(coalition, redraw=redraw).labels,
                redraw_labels(arm, redraw=redraw)[np.searchsorted(arm.item_ids, ITEMS)],
            )


def test_a_coalition_is_aggregated_anew_and_not_patched() -> None:
    # Five raters of whom one is always against the others: Dawid and Skene read that rater's votes the other way, and what the rater is
    # follows from all items of a coalition. The ends are the arms' own labels all the same.
    rng = np.random.default_rng(0)
    truth = rng.random(N) < 0.5
    careful = {name: [int(t), int(t), int(t), int(rng.random() < 0.5), int(not t)] for name, t in zip(ITEMS, truth, strict=True)}
    chance = {name: [int(rng.random() < 0.5) for _ in range(5)] for name in ITEMS}
    both = arms(careful, chance)
    learned = [replace(s, recipe=replace(s.recipe, aggregation=Aggregation.dawid_skene)) for s in (both.control, both.treatment)]
    game = clause_game(match(*learned), EDITS)
    control = redraw_labels(learned[0], redraw=0)
    np.testing.assert_array_equal(
        game.training_set(0, redraw=0).labels, control[np.searchsorted(learned[0].item_ids, game.item_ids)]
    )
    patched = np.where([CLAUSE[name] == "3.2" for name in game.item_ids], labels(game, 7), labels(game, 0))
    assert (labels(game, 1) != patched).any()


def test_locales_split_the_items() -> None:
    game = locale_game(RELABELLED)
    assert [player.name for player in game.players] == ["en", "th"]
    assert sum(player.flips for player in game.players) == 30


def two_groups(of_a: int) -> tuple:
    """Ten or eleven raters, five of them in group b; in the treatment group a rates the other way and b stays."""
    n = of_a + 5
    raters = {name: [f"r{k:02}" for k in range(n)] for name in ITEMS}
    before = {name: [k % 2] * n for k, name in enumerate(ITEMS)}
    after = {name: [1 - given[0]] * of_a + given[of_a:] for name, given in before.items()}
    return arms(before, after, raters), {"pool": {f"r{k:02}": "a" if k < of_a else "b" for k in range(n)}}


def test_the_ratings_of_a_group_come_from_one_arm() -> None:
    game = rater_game(*two_groups(of_a=6))
    assert [(player.name, player.raters, player.items, player.flips) for player in game.players] == [
        ("a", 6, 40, 40),
        ("b", 5, 40, 0),
    ]
    assert (game.by, game.left_out) == ("raters' pool", 0)
    np.testing.assert_array_equal(labels(game, 1), 1 - labels(game, 0))
    np.testing.assert_array_equal(labels(game, 2), labels(game, 0))


def test_a_change_whose_parts_leave_most_items_tied_is_not_split() -> None:
    raters = {name: [f"r{k}" for k in range(10)] for name in ITEMS}
    before = {name: [k % 2] * 10 for k, name in enumerate(ITEMS)}
    after = {name: [1 - given[0]] * 10 for name, given in before.items()}  # either group alone is five votes against five
    with pytest.raises(CannotEstimate, match="40 of the 40 items are tied") as refused:
        rater_game(arms(before, after, raters), {"pool": {f"r{k}": "a" if k < 5 else "b" for k in range(10)}})
    assert refused.value.code == WhyNot.few_items


def test_a_coalition_that_needs_ratings_nobody_gave_is_not_played() -> None:
    raters = {name: [f"r{k}" for k in range(5)] for name in ITEMS}
    others = {name: [f"s{k}" for k in range(5)] for name in ITEMS}
    control = snapshot_of(votes(), raters=raters, guideline="hate@4", pool="core@1")
    swapped = match(control, snapshot_of(votes(), raters=others, guideline="hate@4", pool="vendor@1"))
    pools = {f"r{k}": "core" for k in range(5)} | {f"s{k}": "vendor" for k in range(5)}
    with pytest.raises(CannotEstimate, match="nobody gave: core, vendor rated in one arm alone") as refused:
        rater_game(swapped, {"pool": pools})
    assert refused.value.code == WhyNot.few_ratings


def test_recipe_fields_are_swapped_one_by_one() -> None:
    both = arms(votes(c34=[1, 1, 0, 0, 0]), votes(c32=[1, 1, 1, 0, 0]), overlap=3)
    asked = []

    def build(recipe):
        asked.append((recipe.guideline, recipe.overlap))
        return both.treatment if recipe.guideline == "hate@4" else both.control

    game = recipe_game(both, build)
    assert [player.name for player in game.players] == ["guideline", "overlap"]
    assert asked == [("hate@4", None), ("hate@3", 3)]
    assert [player.flips for player in game.players] == [20, 0]

    def nobody(recipe):
        raise NoRatings("the recipe selects no rating")

    with pytest.raises(CannotEstimate, match="needs ratings that nobody gave") as refused:
        recipe_game(both, nobody)
    assert refused.value.code == WhyNot.few_ratings


def test_arms_that_count_otherwise_are_split_by_recipe_alone() -> None:
    other = arms(votes(), votes(c32=[1, 1, 1, 0, 0]), ties=TieRule.positive)
    with pytest.raises(CannotEstimate, match="the ties changed too") as refused:
        clause_game(other, EDITS)
    assert refused.value.code == WhyNot.several_changes


def test_one_part_is_nothing_to_split() -> None:
    with pytest.raises(CannotEstimate, match="no clause differs"):
        clause_game(RELABELLED, [])
    with pytest.raises(CannotEstimate, match="two parts or more") as refused:
        recipe_game(RELABELLED, lambda recipe: RELABELLED.control)
    assert refused.value.code == WhyNot.no_group


def test_groups_of_few_raters_play_together_with_the_smallest_other() -> None:
    # 3.4 and 3.1 are rated by three raters: a share of theirs would be nearly one person's
    raters = {name: [f"r{k}" for k in range(5)] if CLAUSE[name] == "3.2" else ["r0", "r1", "r2", "r0x", "r1x"] for name in ITEMS}
    few = {name: given[:5] for name, given in raters.items()}
    game = clause_game(arms(votes(), votes(c32=[1, 1, 1, 0, 0]), few), EDITS)
    assert len(game.players) == 3
    three = {name: given if CLAUSE[name] != "3.4" else ["r0", "r1", "r2"] for name, given in raters.items()}
    before, after = ({n: v[: len(three[n])] for n, v in votes(**c).items()} for c in ({}, {"c32": [1, 1, 1, 0, 0]}))
    game = clause_game(arms(before, after, three), EDITS)
    assert [player.name for player in game.players] == ["clause 3.2", "clause 3.4 and clauses not edited"]
    assert game.players[1].members == ("clause 3.4", "clauses not edited")


def test_a_null_draw_flips_as_many_labels_as_the_part_and_only_where_raters_disagree() -> None:
    game = clause_game(RELABELLED, EDITS)
    before = labels(game, 0)
    drawn = [game.null_set(1, draw) for draw in range(4)]
    assert all((one.labels != before).sum() == 10 for one in drawn)
    assert len({one.digest for one in drawn}) == 4
    agreed = clause_game(arms(votes(c31=[0] * 5, c32=[1] * 5, c34=[0] * 5), votes(c32=[0] * 5)), EDITS)
    assert agreed.null_set(0, 0) is None
