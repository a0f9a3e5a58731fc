"""What the runs of a plan are made of and scored on, as it is now: classifier, benchmarks, code, and which texts a draw may not take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from smo_pipelines.benchmarks.leakage import leaked_items
from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.benchmarks import Benchmark
from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.digests import canonical_json
from smo_pipelines.domain.experiments import ArmName, ReplicateId, ReplicateKind
from smo_pipelines.domain.labels import LabelSnapshot, TrainingSet
from smo_pipelines.domain.nightly import NightlyPlan
from smo_pipelines.domain.nights import DrawId
from smo_pipelines.experiment.benchmarks import load_benchmark
from smo_pipelines.experiment.replicate import CODE_VERSION, ReplicateJob
from smo_pipelines.experiment.stored import put_benchmark, put_training_set
from smo_pipelines.experiment.workspace import Workspace
from smo_pipelines.nightly.draw import DRAW_VERSION

__all__ = ["Materials", "gather"]


@dataclass(frozen=True, eq=False)
class Materials:
    """A plan with everything that its runs share, loaded once for any number of nights."""

    workspace: Workspace
    plan: NightlyPlan
    config: ClassifierConfig
    backbone: str
    benchmarks: Mapping[str, Benchmark]
    benchmark_keys: Mapping[str, str]
    _leaks: dict[str, bool] = field(default_factory=dict)
    """By text, whether it stands in a benchmark: a text is looked at once."""

    @cached_property
    def parts(self) -> dict[str, str]:
        """What must be the same for two runs to be runs of one recipe, by name."""
        plan = self.plan
        return {
            "recipe": canonical_json(plan.recipe),
            "label set": plan.label_set,
            **dict(plan.pins),
            "classifier": f"{self.config.name} {self.config.digest}",
            "backbone": self.backbone,
            "code": f"{CODE_VERSION}, {DRAW_VERSION}",
            "draw": f"{plan.items} items of {plan.window_days} days, {plan.runs} runs a night, due {canonical_json(plan.schedule)}",
            "false alarms": f"{plan.alpha:g} in {plan.horizon_nights} nights",
            **{f"benchmark {name}": key for name, key in self.benchmark_keys.items()},
            **{f"stream {one.name}": f"margin {one.margin:g}, floor {one.floor}" for one in plan.streams},
        }

    def takeable(self, snapshot: LabelSnapshot) -> np.ndarray:
        """Return which items of a snapshot a draw may take, those whose text stands in no benchmark: shape (n_items,), bool."""
        texts = snapshot.texts.tolist()
        new = sorted(set(texts) - self._leaks.keys())
        if new:
            leaked = leaked_items(new, new, self.benchmarks.values()).item_ids
            self._leaks.update({text: text in leaked for text in new})
        return np.array([not self._leaks[text] for text in texts], dtype=bool)

    def job(self, run: DrawId, training: TrainingSet | str) -> ReplicateJob:
        """Return a run as a job that any process can do; a training set is stored, or named by its key in the store."""
        key = training if isinstance(training, str) else put_training_set(self.workspace.store, training)
        return ReplicateJob(
            id=ReplicateId(arm=ArmName.control, kind=ReplicateKind.snapshot, index=run.index, seed=run.seed),
            classifier=self.config,
            backbone=self.backbone,
            training_key=key,
            benchmarks=self.benchmark_keys,
            store=self.workspace.store_location,
            cache_dir=str(self.workspace.cache_dir),
        )


def gather(workspace: Workspace, plan: NightlyPlan) -> Materials:
    """Load what a plan's runs share, and store its benchmarks' versions.

    Raises
    ------
    BenchmarkError
        When a benchmark cannot be made.
    WeightsMissing, WeightsMismatch
        When the classifier's backbone is not there, or is not the expected one.
    """
    config = classifiers.on_this_machine(plan.classifier)
    benchmarks = {name: load_benchmark(workspace, name) for name in plan.benchmarks}
    return Materials(
        workspace=workspace,
        plan=plan,
        config=config,
        backbone=classifiers.identity(config, workspace.cache_dir),
        benchmarks=benchmarks,
        benchmark_keys={name: put_benchmark(workspace.store, benchmark) for name, benchmark in benchmarks.items()},
    )
