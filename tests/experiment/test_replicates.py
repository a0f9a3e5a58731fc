import os
import pickle
import time
from dataclasses import replace
from pathlib import Path

import pytest

from smo_pipelines import errors
from smo_pipelines.errors import CannotEstimate, SmoError, StoreError, UnknownName
from smo_pipelines.experiment.jobs import jobs_of, waiting_jobs
from smo_pipelines.experiment.prepare import pin_arms
from smo_pipelines.experiment.register import register_experiment
from smo_pipelines.experiment.replicate import ReplicateJob, find_result, is_finished, run_replicate, stored_metrics
from smo_pipelines.experiment.replicates import ReplicatePool, worker_count
from smo_pipelines.experiment.workspace import Workspace
from tests.examples.projects import spec


@pytest.fixture
def jobs(workspace: Workspace) -> tuple[ReplicateJob, ...]:
    experiment = register_experiment(workspace, spec(), "a test").experiment
    return jobs_of(workspace, pin_arms(workspace, experiment))


def test_a_job_travels_as_text(jobs: tuple[ReplicateJob, ...]) -> None:
    for job in jobs:
        back = ReplicateJob.from_json(job.to_json())
        assert back == job
        assert (back.key, back.id.label) == (job.key, job.id.label)
        assert type(back.classifier.kind) is type(job.classifier.kind)


def test_the_key_of_a_fit_is_of_what_it_is_made_from(jobs: tuple[ReplicateJob, ...]) -> None:
    job = jobs[0]
    assert len({job.key for job in jobs}) == len(jobs)
    same = replace(job, benchmarks={}, store="elsewhere", cache_dir="elsewhere", classifier=replace(job.classifier, name="other"))
    assert same.key == job.key
    others = [
        replace(job, training_key="0"),
        replace(job, backbone="0"),
        replace(job, id=replace(job.id, seed=7)),
        replace(job, classifier=replace(job.classifier, regularisation=0.5)),
    ]
    assert len({other.key for other in others} | {job.key}) == 5


def test_a_replicate_is_fitted_once_and_scored_on_what_is_new(workspace: Workspace, jobs: tuple[ReplicateJob, ...]) -> None:
    job, store = jobs[0], workspace.store
    nothing = replace(job, benchmarks={})
    shares: list[float] = []
    assert run_replicate(nothing) is True
    assert not is_finished(job, store) and is_finished(nothing, store)
    assert find_result(job, store, {}) is None
    assert run_replicate(job, shares.append) is False, "the fit was there"
    assert shares[-1] == 1.0 and shares == sorted(shares)
    assert is_finished(job, store)
    assert run_replicate(job) is False
    metrics = stored_metrics(job, store)
    assert 0.5 < metrics["auroc on gold [gold hate@4]"] <= 1


def test_the_waiting_are_those_with_anything_missing(workspace: Workspace, jobs: tuple[ReplicateJob, ...]) -> None:
    experiment = register_experiment(workspace, spec(), "a test").experiment
    pin_arms(workspace, experiment)
    run_replicate(replace(jobs[0], benchmarks={}))
    run_replicate(jobs[1])
    assert [job.id for job in waiting_jobs(workspace, jobs)] == [job.id for job in jobs if job is not jobs[1]]


@pytest.mark.parametrize("name", errors.__all__)
def test_errors_come_back_whole_from_a_training_process(name: str) -> None:
    kind = getattr(errors, name)
    if name == "did_you_mean":
        return
    special: dict[type, SmoError] = {
        UnknownName: UnknownName("metric", "aurok", ["auroc", "f1"]),
        CannotEstimate: CannotEstimate("few_positives", "only 3 positives", positives=3),
    }
    error = special.get(kind) or kind("what to do")
    back = pickle.loads(pickle.dumps(error))  # noqa: S301 - what multiprocessing does
    assert type(back) is kind and str(back) == str(error)
    assert getattr(back, "counts", None) == getattr(error, "counts", None)
    assert getattr(back, "code", None) == getattr(error, "code", None)


def test_an_error_in_a_training_process_is_the_error_here_and_ends_the_others(
    workspace: Workspace, jobs: tuple[ReplicateJob, ...]
) -> None:
    broken = replace(jobs[0], training_key="0" * 64)
    told: list[str] = []
    with (
        pytest.raises(StoreError, match="holds no training"),
        ReplicatePool(threads=64, on_progress=lambda label, _: told.append(label)) as pool,
    ):
        pool.queue([replace(jobs[1], benchmarks={})])
        pool.run([broken])
    deadline = time.monotonic() + 120
    while _children() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert _children() == []


def _children() -> list[str]:
    """Return the training processes of this one."""
    own = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    pids = [pid for children in own for pid in children.read_text().split()]
    commands = [Path(f"/proc/{pid}/cmdline") for pid in pids]
    said = [path.read_bytes().replace(b"\0", b" ").decode() for path in commands if path.exists()]
    return [command for command in said if "spawn_main" in command]


def test_as_many_fits_at_once_as_cores_allow() -> None:
    cores = len(os.sched_getaffinity(0))
    assert worker_count(1) == cores
    assert worker_count(2 * cores) == 1
