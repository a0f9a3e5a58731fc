"""Looks at the same data under another id: alpha is halved for each version of one experiment, and cannot be for an id it never saw."""

from smo_pipelines.domain.decisions import Finding, FindingCode
from smo_pipelines.domain.digests import digest_of
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.experiment.workspace import Workspace

__all__ = ["decided_twins", "looks_findings", "what_is_asked"]


def what_is_asked(experiment: Experiment) -> str:
    """Return the name of what two experiments share that are looks at one thing: both arms, the classifier and the primary question."""
    arms = experiment.control, experiment.treatment
    return digest_of([*arms, experiment.classifier.digest, experiment.rule.primary.question])


def decided_twins(workspace: Workspace, experiment: Experiment) -> list[str]:
    """Return the decided experiments of other ids that asked the same primary question of the same two arms and classifier.

    Returns
    -------
    list of str
        Each with its version, where it has several, and its verdict; sorted. Empty for an A/A test, which is repeated on purpose.
    """
    if experiment.null_test is not None:
        return []
    asked = what_is_asked(experiment)
    twins = []
    for entry in workspace.store.entries("registered"):
        if entry.meta["experiment"] == experiment.id:
            continue
        decided = workspace.store.find("decisions", str(entry.meta["spec_hash"]))
        if decided is None or entry.meta.get("asked") != asked:
            continue
        version = int(entry.meta["version"])
        name = f"{entry.meta['experiment']}{f' version {version}' if version > 1 else ''}"
        twins.append(f"{name} ({str(decided.meta['verdict']).replace('_', ' ')})")
    return sorted(twins)


def looks_findings(workspace: Workspace, experiment: Experiment) -> tuple[Finding, ...]:
    """Return a warning of the looks that were taken under other ids before an experiment was registered; nothing where there are none.

    What was decided later counts for the later one: so the finding of an experiment does not change once it is registered.
    """
    entry = workspace.store.find("registered", experiment.key)
    twins = [] if entry is None else list(entry.meta.get("decided_twins", []))
    if not twins:
        return ()
    return (
        Finding(
            code=FindingCode.earlier_looks,
            passed=False,
            blocking=False,
            sentence=(
                f"the same question was asked of the same two arms and classifier before, and decided: {', '.join(twins)}; this is "
                "another look at the same data, for which alpha is not halved: register it as the next version of that experiment"
            ),
            actual=float(len(twins)),
            limit=0.0,
        ),
    )
