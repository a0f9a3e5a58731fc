"""How much better or worse one set of a plan's runs is than another on one stream, with the crossed interval."""

from collections.abc import Sequence

from smo_pipelines.analysis.measure import measure
from smo_pipelines.domain.effects import EffectEstimate, Estimand, Interval
from smo_pipelines.domain.experiments import Effect
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nights import Baseline, Night, StoredRun
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult
from smo_pipelines.errors import CannotEstimate, StoreError
from smo_pipelines.experiment.replicate import find_result
from smo_pipelines.nightly.materials import Materials
from smo_pipelines.nightly.streams import asked_of, not_estimable
from smo_pipelines.stats.noninferiority import p_beyond_margin

__all__ = ["compare_runs", "effect_of_nights", "results_of_runs"]

_ALPHA = 0.05
_SHARED_LABELS = (
    "runs of neighbouring nights share labels, so the interval is about training and items, and narrower than one over other weeks"
)


def results_of_runs(materials: Materials, runs: Sequence[StoredRun]) -> tuple[ReplicateResult, ...]:
    """Return stored runs with their predictions.

    Raises
    ------
    StoreError
        When the predictions are no longer in the store.
    """
    found = []
    for run in runs:
        result = find_result(materials.job(run.id, run.training), materials.workspace.store, materials.benchmarks)
        if result is None:
            raise StoreError(f"the predictions of the run {run.id.text} are not in the store")
        found.append(result)
    return tuple(found)


def effect_of_nights(materials: Materials, baseline: Baseline, nights: Sequence[Night], stream: Stream) -> Effect:
    """Return what some nights' runs are better or worse by than the blessed ones."""
    blessed = results_of_runs(materials, [one.run for one in baseline.runs])
    newest = results_of_runs(materials, [run for night in nights for run in night.runs])
    return compare_runs(materials, stream, blessed, newest, at=baseline.threshold)


def compare_runs(
    materials: Materials, stream: Stream, control: Sequence[ReplicateResult], treatment: Sequence[ReplicateResult], *, at: float
) -> Effect:
    """Return the difference of the means of two sets of runs, over runs and items like these.

    Parameters
    ----------
    at : float
        The baseline's threshold, for a stream that is read there.
    """
    benchmark, question = materials.benchmarks[stream.question.on], stream.question
    try:
        asked = asked_of(stream, benchmark)
        arms = [
            ArmRuns(results=tuple(_at(result, at) if stream.at_baseline else result for result in arm))
            for arm in (control, treatment)
        ]
        measured = measure({"asked": asked}, benchmark, *arms)["asked"]
        if isinstance(measured, CannotEstimate):
            raise measured
        difference = measured.parts.estimate()
        low, high = difference.interval(_ALPHA)
    except CannotEstimate as error:
        return not_estimable(question, error)
    metric, selection = asked.metric, asked.selection
    threshold = "no threshold" if not metric.thresholded else "each run's own tuned threshold"
    return EffectEstimate(
        question=question,
        direction=metric.direction,
        control=measured.control.mean,
        treatment=measured.treatment.mean,
        interval=Interval(low=low, high=high),
        p=difference.p_two_sided(),
        method=f"crossed interval over runs ({len(control)} and {len(treatment)}) and items",
        estimand=Estimand(
            items=selection.described,
            raters="raters like these, drawn again for every run",
            training_items="the labels of the days before each run",
            gold=f"gold of guideline {selection.gold}",
            threshold=f"the baseline's mean threshold ({at:.4g}) in every run" if stream.at_baseline else threshold,
        ),
        n_items=len(selection.rows),
        n_clusters=selection.n_clusters,
        n_runs=len(control) + len(treatment),
        margin=stream.margin,
        p_beyond_margin=p_beyond_margin(difference, stream.margin, metric.direction.sign),
        components={term.source: term.variance for term in difference.terms},
        notes=(_SHARED_LABELS,),
    )


def _at(result: ReplicateResult, threshold: float) -> ReplicateResult:
    """Return a run that is read at another threshold: the question asks for the control's, which is then the baseline's."""
    return ReplicateResult(id=result.id, key=result.key, threshold=threshold, predictions=result.predictions)
