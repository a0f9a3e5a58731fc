from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import false_discovery_control

from smo_pipelines.analysis.slices import adjusted_slices
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Role, WhyNot
from tests.examples.records import example_record


def slices(p_values):
    one = next(e for e in example_record().decision.effects if isinstance(e, EffectEstimate) and e.question.role is Role.slice)
    return [replace(one, question=replace(one.question, items=f"slice:locale={k}"), p=p) for k, p in enumerate(p_values)]


def test_slices_are_adjusted_among_themselves_alone():
    others = [e for e in example_record().decision.effects if e.question.role is not Role.slice]
    silent = NotEstimable(question=replace(slices([1])[0].question, items="slice:x=y"), code=WhyNot.few_positives, sentence="few")
    asked = slices([0.001, 0.04, 0.3, 0.9])
    adjusted = adjusted_slices([*others, silent, *asked])
    # scipy's own implementation
    assert list(adjusted.values()) == pytest.approx(false_discovery_control([0.001, 0.04, 0.3, 0.9]).tolist())
    assert list(adjusted) == [one.question for one in asked]


def test_under_no_effect_few_slices_are_pointed_out():
    rng = np.random.default_rng(11)
    families = [adjusted_slices(slices(rng.uniform(size=20))) for _ in range(300)]
    wrong = np.mean([min(one.values()) <= 0.1 for one in families])
    assert wrong <= 0.15  # 10% expected; one slice at a time would point something out in 64% of them
    assert np.mean([rng.uniform(size=20).min() <= 0.05 for _ in range(300)]) > 0.5
