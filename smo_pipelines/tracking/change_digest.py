"""What the tracker is sent of all changes together: one run with the role ``digest`` in each policy area's experiment."""

from collections.abc import Iterator, Mapping
from datetime import datetime

from smo_pipelines.domain.change_digest import ChangeDigest
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.tracking.items import MAX_NOTE, Artifact, RunItems, Tag, cut, finite_metrics

__all__ = ["digest_items"]


def digest_items(digest: ChangeDigest, area: str, sentences: tuple[str, ...], drawn: Mapping[str, bytes]) -> RunItems:
    """Return the digest's run; one that says the same is the same run.

    Parameters
    ----------
    area : str
        Of the tracker's experiment that it stands in; it holds the changes of all areas.
    sentences : tuple of str
        What a lead reads first.
    drawn : mapping of str to bytes
        Artifacts, by path.
    """
    metrics, _ = finite_metrics(tuple(_metrics(digest)))
    when = max(int(datetime.fromisoformat(one.change.decided_at).timestamp() * 1000) for one in digest.changes)
    name = digest_of({"role": "digest", "area": area})  # the outbox keeps one of a name, and each area has its own
    identity = {"change": sentences[0], "smo.role": "digest", "smo.spec_hash": name}
    tags = tuple(Tag(key=key, value=cut(value, 1000)) for key, value in identity.items())
    note = Tag(key="mlflow.note.content", value="\n\n".join([*sentences, "The page: artifact report/digest.html."])[:MAX_NOTE])
    return RunItems(
        experiment_name=f"smo/{area}/changes",
        spec_hash=name,
        role="digest",
        run_name="Digest of every change",
        final=True,
        record_digest=digest_of(digest),
        started_ms=when,
        finished_ms=when,
        first_tags=(*tags, note),
        tags=(),
        last_tags=(note, Tag(key="smo.state", value="final")),
        params=(),
        metrics=metrics,
        datasets=(),
        artifacts=tuple(Artifact(path=path, content=content) for path, content in drawn.items()),
        children=(),
    )


def _metrics(digest: ChangeDigest) -> Iterator[tuple[str, float]]:
    false, nulls = digest.false_ships, digest.null_tests
    inforce = [one.change for one in digest.changes if not one.change.null_test and one.change.superseded_by is None]
    yield "0 digest/changes decided", len(inforce)
    for verdict in Verdict:
        yield f"0 digest/{verdict.value.replace('_', ' ')} count", sum(change.verdict is verdict for change in inforce)
    yield "0 digest/false ships expected at most", false.expected_at_most
    yield "0 digest/ships that do not stand together", false.not_standing
    yield "0 digest/null tests", nulls.tests
    yield "0 digest/null tests that found an effect", nulls.alarms
