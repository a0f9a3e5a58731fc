"""Agreement inside groups of raters and across them, from the tables."""

import numpy as np
import pandas as pd
import pytest

from smo_pipelines.domain.effects import WhyNot
from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.domain.quality import NotMeasured
from smo_pipelines.errors import NoRatings, UnknownName
from smo_pipelines.labels.batch import LabelBatch
from smo_pipelines.labels.group_cohesion import cohesion_of_raters
from smo_pipelines.stats.agreement import alpha_of, coefficient_value
from smo_pipelines.stats.cohesion import cross_reliability, normalised_cross_reliability

GUIDELINES = {"hate@1": GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=())}


@pytest.fixture
def fill(tables, noon):
    def write(label, *, pools, kinds="human", only=None):
        """Import a panel: a row an item, a column a rater; ``only`` leaves ratings out."""
        n_items, n_raters = label.shape
        chosen = np.ones(label.shape, dtype=bool) if only is None else only
        ratings = [
            {
                "item_id": f"i{i:03}",
                "rater_id": f"r{k:02}",
                "question": "hate",
                "guideline": "hate@1",
                "label": str(int(label[i, k])),
            }
            for i in range(n_items)
            for k in range(n_raters)
            if chosen[i, k]
        ]
        batch = LabelBatch(
            project="demo",
            source="test",
            items=pd.DataFrame({"item_id": [f"i{i:03}" for i in range(n_items)], "text": [f"text {i}" for i in range(n_items)]}),
            raters=pd.DataFrame({"rater_id": [f"r{k:02}" for k in range(n_raters)], "pool": pools, "kind": kinds}),
            ratings=pd.DataFrame(ratings),
        )
        tables.append(batch, imported_at=noon)
        return tables

    return write


def panel(rng, own_view, *, n_items=80, n_raters=24):
    """Draw labels of 24 raters, of whom the first 12 have, to some degree, a view of their own."""
    common, view = rng.normal(size=n_items), rng.normal(size=n_items)
    mine = np.arange(n_raters) < n_raters // 2
    score = 2 * np.where(mine, (1 - own_view) * common[:, None] + own_view * view[:, None], common[:, None])
    return rng.random(score.shape) < 1 / (1 + np.exp(-score - 0.6 * rng.normal(size=n_raters)))


POOLS = ["vendor"] * 12 + ["core"] * 12


def told(tables, **asked):
    return {row.group: row for row in cohesion_of_raters(tables, "demo", guidelines=GUIDELINES, permutations=199, **asked)}


def test_a_pool_of_one_mind_is_found_and_its_numbers_are_those_of_their_definitions(fill):
    label = panel(np.random.default_rng(1), own_view=0.7)
    rows = told(fill(label, pools=POOLS))
    counts = [
        np.stack([(label[:, side] == value).sum(axis=1) for value in (0, 1)], axis=1) for side in (slice(12), slice(12, None))
    ]
    vendor, core = rows["vendor"], rows["core"]
    assert vendor.keys == (("question", "hate"), ("guideline", "hate@1"))
    assert vendor.cohesion.in_group == pytest.approx(coefficient_value(alpha_of(), counts[0]), abs=1e-12)
    assert vendor.cohesion.cross_group == pytest.approx(cross_reliability(*counts), abs=1e-12)
    assert core.cohesion.cross_group == pytest.approx(vendor.cohesion.cross_group, abs=1e-12)
    assert vendor.normalised == pytest.approx(normalised_cross_reliability(*counts), abs=1e-12)
    assert vendor.association == pytest.approx(vendor.cohesion.in_group / vendor.cohesion.cross_group, abs=1e-12)
    assert (vendor.cohesion.n_group, vendor.cohesion.n_rest, vendor.cohesion.n_units) == (12, 12, 80)
    assert vendor.cohesion.p <= 0.01
    assert vendor.cohesion.in_group - vendor.cohesion.cross_group > vendor.cohesion.chance_high > vendor.cohesion.chance_low


def test_raters_alike_are_within_what_chance_gives(fill):
    vendor = told(fill(panel(np.random.default_rng(2), own_view=0.0), pools=POOLS))["vendor"].cohesion
    assert vendor.chance_low < vendor.in_group - vendor.cross_group < vendor.chance_high
    assert vendor.p > 0.05


def test_items_of_one_side_alone_do_not_count(fill):
    label = panel(np.random.default_rng(3), own_view=0.3)
    only = np.ones(label.shape, dtype=bool)
    only[60:70, :12] = False
    only[70:, 12:] = False
    assert told(fill(label, pools=POOLS, only=only))["vendor"].cohesion.n_units == 60


@pytest.mark.parametrize(
    ("pools", "kinds", "code"),
    [
        (["vendor"] * 4 + ["core"] * 20, "human", WhyNot.few_raters),
        (["core"] * 24, "human", WhyNot.one_rating_an_item),  # there are no others
        (POOLS, "anonymous", WhyNot.anonymous_raters),
    ],
)
def test_a_comparison_that_would_mean_nothing_is_refused(fill, pools, kinds, code):
    for row in told(fill(panel(np.random.default_rng(4), own_view=0.3), pools=pools, kinds=kinds)).values():
        assert isinstance(row.cohesion, NotMeasured) and row.cohesion.code is code
        assert isinstance(row.association, NotMeasured) and isinstance(row.normalised, NotMeasured)


def test_people_and_models(fill):
    kinds = ["model"] * 12 + ["human"] * 12
    rows = told(fill(panel(np.random.default_rng(5), own_view=0.5), pools=POOLS, kinds=kinds), between="kind", by=())
    assert set(rows) == {"model", "human"} and rows["model"].keys == ()


def test_what_is_not_there_is_said(fill):
    tables = fill(panel(np.random.default_rng(6), own_view=0.0), pools=POOLS)
    with pytest.raises(UnknownName, match="did you mean 'pool'"):
        told(tables, between="pol")
    with pytest.raises(NoRatings, match=r"no rating with guideline in \['hate@2'\]"):
        told(tables, where=(("guideline", ("hate@2",)),))
