"""Measure what an operational change did to a safety model, how sure that is, why, at what price, and whether to keep it.

The names below are imported when they are first used, so that ``import smo_pipelines`` costs nothing::

    effects = smo_pipelines.compare(control, treatment, on=benchmarks, experiment=experiment)
    decision = smo_pipelines.decide(effects, experiment=experiment, findings=findings)
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smo_pipelines.analysis.compare import compare
    from smo_pipelines.analysis.decide import decide
    from smo_pipelines.domain.benchmarks import Benchmark, PredictionSet
    from smo_pipelines.domain.decisions import Decision, Finding, Verdict
    from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question
    from smo_pipelines.domain.experiments import Experiment
    from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
    from smo_pipelines.errors import SmoError

__all__ = [
    "ArmRuns",
    "Benchmark",
    "Decision",
    "EffectEstimate",
    "Experiment",
    "Finding",
    "NotEstimable",
    "PredictionSet",
    "Question",
    "ReplicateResult",
    "SmoError",
    "Verdict",
    "__version__",
    "compare",
    "decide",
]

__version__ = "0.1.0"

_HOMES = {
    "ArmRuns": "domain.runs",
    "Benchmark": "domain.benchmarks",
    "Decision": "domain.decisions",
    "EffectEstimate": "domain.effects",
    "Experiment": "domain.experiments",
    "Finding": "domain.decisions",
    "NotEstimable": "domain.effects",
    "PredictionSet": "domain.benchmarks",
    "Question": "domain.effects",
    "ReplicateResult": "domain.runs",
    "SmoError": "errors",
    "Verdict": "domain.decisions",
    "compare": "analysis.compare",
    "decide": "analysis.decide",
}


def __getattr__(name: str) -> object:
    """Import a public name on its first use (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the names of this module with those that are not imported yet."""
    return sorted({*globals(), *__all__})
