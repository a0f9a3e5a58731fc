"""Many replicates at once: worker processes that share the machine's cores, and stop when their parent does."""

import atexit
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection, get_context, parent_process
from multiprocessing.connection import Connection
from multiprocessing.queues import SimpleQueue
from types import TracebackType

from smo_pipelines.errors import ClassifierError
from smo_pipelines.experiment.replicate import ReplicateJob, run_replicate

__all__ = ["ReplicatePool", "shared_pool", "worker_count"]

Progress = Callable[[str, float], None]
_queue: "SimpleQueue[tuple[str, float] | None] | None" = None


def worker_count(threads: int) -> int:
    """Return how many fits of so many threads run at once: the cores this process may use, divided."""
    return max(1, len(os.sched_getaffinity(0)) // threads)


def _start_worker(queue: "SimpleQueue[tuple[str, float] | None]", threads: int, lifeline: Connection) -> None:
    """Bind the worker to its threads and to the life of its pool: a killed parent leaves no orphan that trains on."""
    global _queue  # noqa: PLW0603 - set once a process, before its first job
    _queue = queue
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from threadpoolctl import threadpool_limits

    threadpool_limits(threads)
    parent = parent_process()

    def follow() -> None:
        connection.wait([lifeline] if parent is None else [lifeline, parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that never see Ctrl-C: it is for their parent, which ends them without a traceback from each."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(job: ReplicateJob) -> bool:
    label = job.id.label

    def report(share: float) -> None:
        if _queue is not None:
            _queue.put((label, share))

    return run_replicate(job, report)


class ReplicatePool:
    """Runs replicates in ``cores // threads`` processes; a context manager.

    Parameters
    ----------
    threads : int
        Threads of one fit.
    on_progress : callable or None
        Told a replicate's label and the share of it that is done, from a thread of this process.
    """

    def __init__(self, *, threads: int, on_progress: Progress | None = None) -> None:
        self._threads = threads
        self._on_progress = on_progress
        self._queue: SimpleQueue[tuple[str, float] | None] = get_context("spawn").SimpleQueue()
        self._worker_end, self._lifeline = get_context("spawn").Pipe(duplex=False)
        self._executor: ProcessPoolExecutor | None = None
        self._futures: dict[str, Future[bool]] = {}
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def __enter__(self) -> "ReplicatePool":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close(wait=kind is None)

    def close(self, *, wait: bool = True) -> None:
        """Stop the workers; without ``wait`` at once: what is finished is in the store, and what is not is lost."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=wait, cancel_futures=not wait)
        self._queue.put(None)  # before the workers go: one that ends while it reports would take the queue's lock with it
        self._lifeline.close()
        if wait:
            self._listener.join()

    def queue(self, jobs: Iterable[ReplicateJob]) -> None:
        """Start replicates without waiting; one that is queued already is left as it is."""
        for job in jobs:
            if job.key not in self._futures:
                self._futures[job.key] = self._submit(job)

    def complete(self, job: ReplicateJob) -> str:
        """Wait for a replicate, queueing it first where nobody has, and return its fit's key.

        Raises
        ------
        ClassifierError
            When its worker died without an error of its own, as when the machine ran out of memory.
        """
        self._finish(job)
        return job.key

    def _finish(self, job: ReplicateJob) -> bool:
        try:
            self.queue([job])  # a pool whose workers have died refuses new work, too
            return self._futures[job.key].result()
        except BrokenProcessPool as error:
            self._executor = None  # the next call starts new workers, and finds in the store what the dead ones finished
            self._futures.clear()
            raise ClassifierError(
                "a training process died without an error of its own; the usual cause is too little memory: "
                "use a smaller batch_tokens, or fewer workers by raising threads in the classifier's file, and run again"
            ) from error
        finally:
            self._futures.pop(job.key, None)

    def run(self, jobs: Iterable[ReplicateJob]) -> int:
        """Run replicates to their end, side by side, and return how many fits were trained for it."""
        waiting = list(jobs)
        self.queue(waiting)
        return sum(self._finish(job) for job in waiting)

    def _submit(self, job: ReplicateJob) -> "Future[bool]":
        if self._executor is None:
            self._executor = ProcessPoolExecutor(
                worker_count(self._threads),
                mp_context=get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._queue, self._threads, self._worker_end),
            )
        with _interrupts_blocked():
            return self._executor.submit(_work, job)

    def _listen(self) -> None:
        while (message := self._queue.get()) is not None:
            if self._on_progress is not None:
                self._on_progress(*message)


_shared: dict[int, ReplicatePool] = {}


def shared_pool(threads: int) -> ReplicatePool:
    """Return this process's own pool for fits of so many threads: steps that run one after another share its workers."""
    if threads not in _shared:
        _shared[threads] = ReplicatePool(threads=threads)
        atexit.register(_shared[threads].close, wait=False)
    return _shared[threads]
