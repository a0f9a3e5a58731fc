"""What the label tables know beside ratings: the raters' attributes and the items' gold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from smo_pipelines.domain.guidelines import GuidelineVersion
from smo_pipelines.labels.changes.review import Gold
from smo_pipelines.labels.matching import Matching
from smo_pipelines.labels.pools import rater_attributes
from smo_pipelines.labels.tables import LabelTables

__all__ = ["LabelFacts", "label_facts"]


@dataclass(frozen=True, kw_only=True)
class LabelFacts:
    """What is known of two arms' raters and items.

    Attributes
    ----------
    raters : mapping of str to mapping of str to str
        By rater attribute (``pool``, ``kind``, ``locale`` ...): a rater's value by pseudonym.
    gold : pair of mapping of str to int
        Right labels, 0 or 1, by item id, under the control's guideline and under the treatment's.
    gold_models : mapping of str to tuple of str
        By benchmark: the model raters, by pseudonym, that gave any of its right answers.
    """

    raters: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    gold: Gold = ({}, {})
    gold_models: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def label_facts(tables: LabelTables, matching: Matching, guidelines: tuple[GuidelineVersion, GuidelineVersion]) -> LabelFacts:
    """Return what the tables say, as they are now, of the arms' raters and of the items that both label.

    Parameters
    ----------
    guidelines : pair of GuidelineVersion
        The control's and the treatment's.
    """
    raters: dict[str, dict[str, str]] = {}
    gold = []
    items = set(matching.item_ids.tolist())
    for snapshot, guideline in zip((matching.control, matching.treatment), guidelines, strict=True):
        known = set(snapshot.votes.rater_ids.tolist())
        with tables.views(snapshot.recipe.project) as views:
            for name, values in rater_attributes(views).items():
                raters.setdefault(name, {}).update({rater: value for rater, value in values.items() if rater in known})
            rows = views.rows("select item_id, gold[?] from items where gold[?] is not null", [guideline.id, guideline.id])
        gold.append({item: int(label == guideline.positive) for item, label in rows if item in items})
    return LabelFacts(raters={name: values for name, values in sorted(raters.items()) if values}, gold=(gold[0], gold[1]))
