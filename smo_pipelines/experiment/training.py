"""Training an experiment's waiting replicates: its texts are checked, read once on every core, then fitted and scored in one pool."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import Any

from smo_pipelines.classifiers import api as classifiers
from smo_pipelines.experiment.arms import Arms
from smo_pipelines.experiment.jobs import waiting_jobs
from smo_pipelines.experiment.replicate import ReplicateJob
from smo_pipelines.experiment.replicates import ReplicatePool
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["Training", "check_texts", "warm_texts"]


def check_texts(workspace: Workspace, arms: Arms) -> None:
    """Refuse, before anything is trained, texts that the classifier's backbone cannot read.

    Raises
    ------
    UnknownTokens
        When more than 5% of the word pieces of the training items or of a benchmark are unknown to the classifier's backbone.
    """
    config = arms.experiment.classifier
    classifiers.check_readable(config, arms.matching.texts.tolist(), "the training items", workspace.cache_dir)
    for benchmark in arms.benchmarks:
        classifiers.check_readable(config, benchmark.texts.tolist(), f"benchmark {benchmark.name!r}", workspace.cache_dir)


def warm_texts(workspace: Workspace, arms: Arms, on_progress: Callable[[str, float], None] | None = None) -> None:
    """Compute what is kept for each text once, on every core, before many processes fit and score with it.

    Parameters
    ----------
    on_progress : callable, optional
        Told ``"texts"`` and the share of them that is done.
    """
    texts = [arms.matching.texts, *(benchmark.texts for benchmark in arms.benchmarks)]
    once = list(dict.fromkeys(text for column in texts for text in column.tolist()))
    classifiers.warm(
        arms.experiment.classifier, once, workspace.cache_dir, (lambda share: on_progress("texts", share)) if on_progress else None
    )


class Training:
    """Fits and scores what is not in the store, in one pool of processes that starts when there is work; a context manager.

    Parameters
    ----------
    later : sequence of ReplicateJob
        Everything that may still be asked for, so that progress is told as a share of all of it.
    on_progress : callable, optional
        Told ``("total", n)`` first, then a replicate's label and the share of it that is done.

    Attributes
    ----------
    trained : int
        How many fits were trained.
    """

    def __init__(
        self,
        workspace: Workspace,
        arms: Arms,
        *,
        later: Sequence[ReplicateJob],
        on_progress: Callable[[str, float], None] | None = None,
    ) -> None:
        self._workspace, self._arms, self._later, self._on_progress = workspace, arms, later, on_progress
        self._open = ExitStack()
        self._pool: ReplicatePool | None = None
        self.trained = 0

    def __enter__(self) -> "Training":
        return self

    def __exit__(self, *raised: Any) -> None:
        self._open.__exit__(*raised)

    def run(self, jobs: Sequence[ReplicateJob]) -> None:
        """Run the replicates that are not in the store to their end."""
        waiting = waiting_jobs(self._workspace, jobs)
        if not waiting:
            return
        if self._pool is None:
            if self._on_progress is not None:
                every = {job.key: job for job in (*waiting, *waiting_jobs(self._workspace, self._later))}
                self._on_progress("total", float(len(every)))
            warm_texts(self._workspace, self._arms, self._on_progress)
            threads = self._arms.experiment.classifier.threads
            self._pool = self._open.enter_context(ReplicatePool(threads=threads, on_progress=self._on_progress))
        self.trained += self._pool.run(waiting)
