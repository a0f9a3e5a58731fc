"""A draw is a function of the run's name and of the labels that its date shows."""

import dataclasses

import numpy as np
import pytest

from smo_pipelines.domain.effects import NotEstimable, WhyNot
from smo_pipelines.domain.labels import LabelSnapshot, TrainingSet
from smo_pipelines.domain.nights import DrawId
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.labels.redraw import rater_weights
from smo_pipelines.nightly.draw import draw
from smo_pipelines.nightly.materials import gather
from smo_pipelines.nightly.window import Window, open_window
from tests.examples.nights import add_labels, day, plan_of

NIGHT = DrawId.night("small", day(30), 0)


def window_of(workspace: Workspace, number: int) -> Window:
    window = open_window(gather(workspace, plan_of(workspace)), day(number))
    assert isinstance(window, Window)
    return window


def drawn(run: DrawId, takeable: LabelSnapshot, items: int = 100) -> TrainingSet:
    training = draw(run, takeable, items=items)
    assert isinstance(training, TrainingSet)
    return training


def test_names() -> None:
    assert NIGHT.text == "small/night/2026-04-01/0"
    assert DrawId.blessed("small", "2026-03-31", 7).text == "small/blessed/2026-03-31/07"
    assert DrawId.night("small", day(30), 1).seed != NIGHT.seed == DrawId.night("small", day(30), 0).seed


def test_equal_names_draw_the_same_and_others_something_else(quiet: Workspace) -> None:
    takeable = window_of(quiet, 30).takeable
    once, again = drawn(NIGHT, takeable), drawn(NIGHT, takeable)
    assert once.digest == again.digest
    assert len(once) == 100 and set(once.labels.tolist()) == {0, 1}
    other = drawn(DrawId.night("small", day(30), 1), takeable)
    assert set(other.item_ids.tolist()) != set(once.item_ids.tolist())
    blessed = drawn(DrawId.blessed("small", day(30).isoformat(), 0), takeable)
    assert set(blessed.item_ids.tolist()) != set(once.item_ids.tolist())


def test_labels_are_those_of_weighted_raters(quiet: Workspace) -> None:
    """Computed here item by item from the votes: positive where the positive weight is more than half."""
    takeable = window_of(quiet, 30).takeable
    training = drawn(NIGHT, takeable, items=len(takeable))
    votes = takeable.votes
    weights = rater_weights(votes.rater_ids, redraw="nightly raters small/night/2026-04-01/0")[votes.rater]
    expected = [
        int(weights[(votes.item == k) & (votes.value == 1)].sum() > weights[(votes.item == k) & (votes.value == 0)].sum())
        for k in range(len(takeable))
    ]
    assert training.labels.tolist() == expected
    assert expected != np.maximum(takeable.labels, 0).tolist(), "other weights flip some labels"


def test_a_window_that_grew_gives_a_draw_of_the_same_size(quiet: Workspace) -> None:
    takeable = window_of(quiet, 30).takeable
    half = takeable.subset(np.arange(len(takeable)) < 120)
    small, large = drawn(NIGHT, half), drawn(NIGHT, takeable)
    assert len(small) == len(large) == 100
    kept = set(small.item_ids.tolist()) & set(half.item_ids.tolist())
    assert set(large.item_ids.tolist()) & set(half.item_ids.tolist()) <= kept, "what is added can only take an item's place"


def test_too_few_items_and_one_class_are_no_draw(quiet: Workspace) -> None:
    takeable = window_of(quiet, 30).takeable
    few = draw(NIGHT, takeable, items=len(takeable) + 1)
    assert isinstance(few, NotEstimable) and few.code is WhyNot.few_items
    assert few.counts == {"items": len(takeable), "needed": len(takeable) + 1}
    negative = dataclasses.replace(takeable.votes, label=np.full(len(takeable.votes), takeable.votes.labels.index("benign")))
    one = draw(NIGHT, dataclasses.replace(takeable, votes=negative), items=100)
    assert isinstance(one, NotEstimable) and one.code is WhyNot.one_class


def test_a_window_holds_the_ratings_of_its_days_and_no_later_import(quiet: Workspace) -> None:
    before = window_of(quiet, 30)
    created = before.rows["at"].astype("datetime64[us]")
    assert created.min() > np.datetime64(f"{day(18)}T03:00") and created.max() <= np.datetime64(f"{day(30)}T03:00")
    assert before.facts.ratings == len(before.takeable.votes) == sum(c.ratings for c in before.facts.by["locale"].values())
    assert before.facts.raters == len(np.unique(before.takeable.votes.rater))
    add_labels(quiet, days=62, first=60, imported_on=31)
    assert window_of(quiet, 30).facts == before.facts, "imported after the night, so not seen by it"


def test_items_that_stand_in_a_benchmark_are_not_drawn(quiet: Workspace) -> None:
    materials = gather(quiet, plan_of(quiet))
    window = window_of(quiet, 30)
    benchmark = materials.benchmarks["gold"]
    text = benchmark.texts[0]
    leaking = dataclasses.replace(window.takeable, texts=[text, *window.takeable.texts.tolist()[1:]])
    keep = materials.takeable(leaking)
    assert not keep[0] and keep[1:].all()


@pytest.mark.parametrize("value", ["en-GB", "th-TH"])
def test_without_a_group_its_items_are_gone(quiet: Workspace, value: str) -> None:
    window = window_of(quiet, 30)
    rest = window.without("locale", value)
    of_locale = np.asarray(window.takeable.attributes.get("locale", np.array([]))) == value
    gone = set(window.takeable.item_ids.tolist()) - set(rest.item_ids.tolist())
    rated = {window.rows.names["item"][i] for i in window.rows["item"][window.rows["locale"] == window.rows.code("locale", value)]}
    assert gone == rated and gone
    if len(of_locale):
        assert gone == set(window.takeable.item_ids[of_locale].tolist())
    assert len(rest.votes) == len(window.takeable.votes) - 6 * len(gone)
