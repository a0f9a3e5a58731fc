"""Jobs of the code location, run in the test's own process."""

import dagster as dg

from assets.definitions import defs

__all__ = ["failure_sentence", "job", "metadata_of", "run_experiment_job"]


def job(name: str) -> dg.JobDefinition:
    return defs().resolve_job_def(name)


def run_experiment_job(instance: dg.DagsterInstance, name: str = "quick") -> dg.ExecuteInProcessResult:
    instance.add_dynamic_partitions("experiments", [name])
    return job("ab_experiment").execute_in_process(partition_key=name, instance=instance, raise_on_error=False)


def failure_sentence(result: dg.ExecuteInProcessResult) -> str:
    """Return what the run's page shows of the first step that failed."""
    event = next(event for event in result.all_events if event.is_step_failure)
    data = event.step_failure_data
    return (data.user_failure_data.description if data.user_failure_data else None) or ""


def metadata_of(result: dg.ExecuteInProcessResult, key: str) -> dict[str, object]:
    """Return the metadata of one asset's materialization, unwrapped."""
    found = [m for m in result.get_asset_materialization_events() if m.asset_key == dg.AssetKey(key.split("/"))]
    return {name: value.value for name, value in found[0].materialization.metadata.items()}
