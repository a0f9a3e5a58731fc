from dataclasses import replace

import numpy as np
import pytest

from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
from smo_pipelines.domain.changes import OpsChange
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.decisions import DecisionRule, Guardrail, Primary, RulePolicy
from smo_pipelines.domain.effects import Question
from smo_pipelines.domain.experiments import ArmName, Assignment, Experiment, RaterClaim
from smo_pipelines.domain.labels import SnapshotRecipe
from smo_pipelines.domain.runs import ArmRuns, RaterFacts, ReplicateResult


class Scene:
    """A small experiment with benchmarks and made-up scores: `demo` has gold of two guidelines, `look` of one."""

    def __init__(self, n_items=400):
        rng = np.random.default_rng(1)
        old = (rng.random(n_items) < 0.4).astype(np.int8)
        new = old.copy()
        new[:40] = 1 - new[:40]
        new[40:44] = -1
        names = np.array([f"i{i:04d}" for i in range(n_items)])
        texts = np.array(["synthetic"] * n_items, dtype=object)
        self.demo = Benchmark(
            name="demo",
            item_ids=names,
            texts=texts,
            golds={"hate@3": old, "hate@4": new},
            clusters=np.arange(n_items),
            slices={"locale": np.where(np.arange(n_items) % 2 == 0, "en", "de")},
        )
        self.look = Benchmark(
            name="look",
            item_ids=names[:200],
            texts=texts[:200],
            golds={"hate@4": np.zeros(200, dtype=np.int8)},
            clusters=np.arange(200) // 4,
        )
        self.on = (self.demo, self.look)

    def experiment(self, **changes):
        recipe = SnapshotRecipe(project="demo", question="hate", guideline="hate@3")
        rule = DecisionRule(
            policy=RulePolicy(name="default"),
            primary=Primary(
                question=Question(metric="average_precision", on="demo", gold="hate@4"), smallest_effect_of_interest=0.02
            ),
            guardrails=(
                Guardrail(question=Question(metric="false_positive_rate", on="look"), margin=0.05),
                Guardrail(question=Question(metric="average_precision", on="demo", items="gold_unchanged"), margin=0.03),
            ),
            slices=("locale",),
        )
        base = Experiment(
            id="counter-speech",
            change=OpsChange(id="OC-0042", what="clause 3.2 exempts quoted hate"),
            control=recipe,
            treatment=replace(recipe, guideline="hate@4"),
            assignment=Assignment.randomised,
            raters=RaterClaim.fixed,
            replicates=4,
            redraws=0,
            classifier=ClassifierConfig(name="tfidf", kind=ClassifierKind.tfidf),
            rule=rule,
            benchmarks=("demo", "look"),
        )
        return replace(base, **changes)

    def runs(self, experiment, shift=0.0, raters=None, seed=5, spread=0.3):
        """Score every fit of the experiment: the treatment separates the new gold better by `shift`."""
        arms = []
        for arm in ArmName:
            results = []
            for rid in (r for r in experiment.replicate_ids() if r.arm is arm):
                rng = np.random.default_rng([seed, rid.seed, arm is ArmName.treatment])
                common = np.random.default_rng(seed)
                predictions = {}
                for b in self.on:
                    gold = np.maximum(b.golds["hate@4"], 0)
                    slope = 1.2 + shift * (arm is ArmName.treatment) + 0.05 * rng.normal()
                    latent = slope * gold - 0.8 + common.normal(size=len(b)) + spread * rng.normal(size=len(b))
                    scores = 1.0 / (1.0 + np.exp(-latent))
                    predictions[b.name] = PredictionSet(
                        classifier_key=rid.label, benchmark=b.name, benchmark_digest=b.digest, scores=scores, threshold=0.5
                    )
                threshold = 0.45 + 0.02 * rid.index + 0.1 * (arm is ArmName.treatment)
                results.append(ReplicateResult(id=rid, key=rid.label, threshold=threshold, predictions=predictions))
            arms.append(ArmRuns(results=tuple(results), raters=raters))
        return arms


@pytest.fixture(scope="session")
def scene():
    return Scene()


@pytest.fixture(scope="session")
def twenty_raters():
    return RaterFacts(rater_ids=frozenset(f"r{i}" for i in range(20)), effective_raters=20.0, max_ratings_an_item=3)
