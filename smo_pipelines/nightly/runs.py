"""The runs of a night or a baseline: fitted and scored once, whoever asks for them."""

from collections.abc import Callable, Mapping, Sequence

from threadpoolctl import threadpool_limits

from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.domain.classifiers import ClassifierKind
from smo_pipelines.domain.nightly import Stream
from smo_pipelines.domain.nights import DrawId, StoredRun
from smo_pipelines.domain.runs import ReplicateResult
from smo_pipelines.errors import StoreError
from smo_pipelines.experiment.replicate import ReplicateJob, find_result, is_finished, run_replicate
from smo_pipelines.experiment.replicates import ReplicatePool
from smo_pipelines.experiment.stored import get_training_set
from smo_pipelines.nightly.materials import Materials
from smo_pipelines.nightly.streams import values_of

__all__ = ["Progress", "finish", "results_of", "stored_run"]

Progress = Callable[[str, float], None]


def finish(materials: Materials, jobs: Sequence[ReplicateJob], on_progress: Progress | None = None) -> int:
    """Fit and score the runs that are not in the store, and return how many there were.

    Transformers run in processes side by side; ``tfidf``, which takes less time than a process does to start, runs in this one.

    Parameters
    ----------
    on_progress : callable, optional
        Told ``("total", n)`` first, then a run's label and the share of it that is done.
    """
    waiting = [job for job in jobs if not is_finished(job, materials.workspace.store)]
    if not waiting:
        return 0
    report = on_progress or (lambda _label, _share: None)
    report("total", float(len(waiting)))
    threads = materials.config.threads
    if materials.config.kind is ClassifierKind.tfidf:
        with threadpool_limits(threads):
            for job in waiting:
                run_replicate(job)
                report(job.id.label, 1.0)
        return len(waiting)
    classifiers.warm(
        materials.config, _texts(materials, waiting), materials.workspace.cache_dir, lambda share: report("texts", share)
    )
    with ReplicatePool(threads=threads, on_progress=on_progress) as pool:
        pool.run(waiting)
    return len(waiting)


def _texts(materials: Materials, jobs: Sequence[ReplicateJob]) -> list[str]:
    columns = [get_training_set(materials.workspace.store, job.training_key).texts for job in jobs]
    columns += [benchmark.texts for benchmark in materials.benchmarks.values()]
    return list(dict.fromkeys(text for column in columns for text in column.tolist()))


def results_of(materials: Materials, jobs: Mapping[DrawId, ReplicateJob]) -> dict[DrawId, ReplicateResult]:
    """Return finished runs with their predictions.

    Raises
    ------
    StoreError
        When one is not finished.
    """
    found = {}
    for run, job in jobs.items():
        result = find_result(job, materials.workspace.store, materials.benchmarks)
        if result is None:
            raise StoreError(f"the run {run.text} is not in the store; run the same command again")
        found[run] = result
    return found


def stored_run(
    materials: Materials, run: DrawId, job: ReplicateJob, result: ReplicateResult, streams: Sequence[Stream], *, at: float
) -> StoredRun:
    """Return what is kept of a finished run."""
    return StoredRun(
        id=run,
        fit=job.key,
        training=job.training_key,
        threshold=result.threshold,
        values=values_of(result, streams, materials.benchmarks, at=at),
    )
