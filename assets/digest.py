"""Every decided change on one page: written again after each report."""

import dagster as dg

from assets.failures import plain_failures
from assets.resources import SmoProject
from smo_pipelines.experiment.change_digest import change_digest, publish_digest

__all__ = ["DIGEST", "REPORT", "digest"]

REPORT = dg.AssetKey(["comparison", "report"])
DIGEST = dg.AssetKey(["comparison", "digest"])
_PAGE = "report/digest.html"


@dg.asset(
    key=DIGEST,
    group_name="digest",
    deps=[REPORT],
    retry_policy=dg.RetryPolicy(max_retries=1, delay=2),
    description="Every decided change read together: effects, costs, how many ships may be false, how often benchmarks were used.",
    kinds={"mlflow", "html"},
    owners=["team:smo"],
)
def digest(context: dg.AssetExecutionContext, project: SmoProject) -> dg.MaterializeResult:
    """Write the page and show it in the tracker."""
    from smo_pipelines.report.change_digest import digest_sentences

    with plain_failures(allow_retries=True):
        workspace = project.open()
        found = change_digest(workspace)
        published = publish_digest(workspace, found)
    metadata: dict[str, dg.MetadataValue[str] | str | int | float] = {
        "digest": dg.MetadataValue.md("\n\n".join(digest_sentences(found))),
        "changes": sum(not one.change.null_test for one in found.changes),
        "ships": found.false_ships.shipped,
        "false ships expected at most": found.false_ships.expected_at_most,
        "file": dg.MetadataValue.path(published.page),
    }
    for area, run in published.runs.items():
        path, _, query = run.url_path.partition("?")
        metadata[f"page in {area}"] = dg.MetadataValue.url(project.mlflow_link(f"{path}/artifacts/{_PAGE}?{query}"))
    for area, why in published.waiting.items():
        context.log.warning(f"the tracker has not taken the digest of {area}; it is kept and sent with the next one: {why}")
    return dg.MaterializeResult(metadata=metadata)
