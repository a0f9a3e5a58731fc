"""Whether an experiment can be valid, judged on its labels and benchmarks before anything is trained."""

from collections.abc import Mapping, Sequence

import numpy as np

from smo_pipelines.benchmarks.leakage import NEAR, Leakage
from smo_pipelines.domain.decisions import Finding, FindingCode
from smo_pipelines.domain.experiments import ArmName, Experiment, RaterClaim
from smo_pipelines.labels.matching import Matching

__all__ = ["findings_before_training"]

_MIN_OF_RARER = 10
_MIN_OF_RARER_IN_DEV = 2


def findings_before_training(
    experiment: Experiment, matching: Matching, leakage: Leakage, gold_models: Mapping[str, Sequence[str]]
) -> tuple[Finding, ...]:
    """Return the checks of an experiment's arms.

    Parameters
    ----------
    gold_models : mapping of str to sequence of str
        The model raters behind the gold of a benchmark, by its name; a benchmark that none gave gold is left out.
    """
    return (
        *_overlap(experiment, matching),
        _leakage(experiment, leakage),
        *_sample_ratio(experiment, matching),
        *_classes(matching),
        *_raters(experiment, matching),
        *_circular(matching, gold_models),
    )


def _overlap(experiment: Experiment, matching: Matching) -> tuple[Finding, ...]:
    n, policy = len(matching), experiment.rule.policy
    larger = max(len(matching.snapshot(arm)) for arm in ArmName)
    lost = 1 - n / larger if larger else 1.0
    nothing_in_common = n + matching.tied + matching.leaked == 0
    advice = ": arms that label different items differ by their items too, so let both label the same ones"
    return (
        Finding(
            code=FindingCode.few_matched_items,
            passed=n >= policy.min_matched_items,
            blocking=True,
            sentence=(
                f"{n:,} items are labelled by both arms and left for training; at least {policy.min_matched_items:,} are needed"
                + (advice if nothing_in_common else "")
            ),
            actual=float(n),
            limit=float(policy.min_matched_items),
        ),
        Finding(
            code=FindingCode.items_lost_in_matching,
            passed=lost <= 0.2,
            blocking=False,
            sentence=(
                f"{lost:.1%} of the larger arm's items are not trained on: labelled by one arm only "
                f"({matching.only_control:,} and {matching.only_treatment:,}), tied ({matching.tied:,}) or leaked ({matching.leaked:,})"
            ),
            actual=lost,
            limit=0.2,
        ),
    )


def _leakage(experiment: Experiment, leakage: Leakage) -> Finding:
    limit = experiment.rule.policy.max_leakage
    return Finding(
        code=FindingCode.leakage,
        passed=leakage.share <= limit,
        blocking=True,
        sentence=(
            f"{len(leakage.item_ids):,} training items ({leakage.share:.2%}) stand in a benchmark, {len(leakage.exact_ids):,} with the same "
            f"text and {len(leakage.near_ids):,} with nearly the same ({NEAR:.0%} of the characters' sequences in common), and were left "
            f"out of training in both arms; above {limit:.0%} the experiment is invalid"
        ),
        actual=leakage.share,
        limit=limit,
    )


def _sample_ratio(experiment: Experiment, matching: Matching) -> tuple[Finding, ...]:
    allocation = experiment.allocation
    if allocation is None:
        return ()
    from scipy.stats import binomtest

    counts = [len(matching.snapshot(arm).votes.rater_ids) for arm in ArmName]
    share = allocation[0] / sum(allocation)
    p = float(binomtest(counts[0], sum(counts), share).pvalue)
    limit = experiment.rule.policy.sample_ratio_alpha
    return (
        Finding(
            code=FindingCode.sample_ratio,
            passed=p >= limit,
            blocking=True,
            sentence=(
                f"{counts[0]:,} and {counts[1]:,} raters labelled control and treatment; the declared allocation is "
                f"{allocation[0]:g} to {allocation[1]:g} (exact binomial p = {p:.3g})"
            ),
            actual=p,
            limit=limit,
        ),
    )


def _classes(matching: Matching) -> tuple[Finding, ...]:
    findings = []
    for arm in ArmName:
        labels = matching.snapshot(arm).labels[matching.rows(arm)]
        rarer, rarer_dev = _rarer(labels), _rarer(labels[matching.dev])
        findings.append(
            Finding(
                code=FindingCode.one_class,
                passed=rarer >= _MIN_OF_RARER and rarer_dev >= _MIN_OF_RARER_IN_DEV,
                blocking=True,
                sentence=(
                    f"the {arm} arm has {rarer:,} items of its rarer label to learn from, {rarer_dev:,} of them in the development "
                    f"split; at least {_MIN_OF_RARER} and {_MIN_OF_RARER_IN_DEV} are needed"
                ),
                actual=float(rarer),
                limit=float(_MIN_OF_RARER),
            )
        )
    return tuple(findings)


def _rarer(labels: np.ndarray) -> int:
    return int(min((labels == 1).sum(), (labels == 0).sum()))


def _raters(experiment: Experiment, matching: Matching) -> tuple[Finding, ...]:
    if experiment.raters is not RaterClaim.random:
        return ()
    fewest = min(matching.snapshot(arm).votes.effective_raters for arm in ArmName)
    return (
        Finding(
            code=FindingCode.few_raters,
            passed=fewest >= 15,
            blocking=False,
            sentence=f"the smaller arm has {fewest:.1f} effective raters; below 15 an interval about raters like these is wide, below 8 refused",
            actual=fewest,
            limit=15.0,
        ),
    )


def _circular(matching: Matching, gold_models: Mapping[str, Sequence[str]]) -> tuple[Finding, ...]:
    """Warn of a model that labelled both what is trained on and the gold it is judged by; nothing is said where none gave gold."""
    findings = []
    for name, models in gold_models.items():
        trained = {arm: len(set(models) & set(matching.snapshot(arm).votes.rater_ids.tolist())) for arm in ArmName}
        which = " and ".join(f"{count} labelled for the {arm} arm" for arm, count in trained.items() if count)
        most = max(trained.values())
        findings.append(
            Finding(
                code=FindingCode.circular_gold,
                passed=most == 0,
                blocking=False,
                sentence=(
                    f"of the {len(models)} model raters behind the gold of {name}, {which}: a model that agrees with itself looks right, "
                    "so a gain there may be agreement with the model and not with the guideline"
                    if most
                    else f"none of the {len(models)} model raters behind the gold of {name} labelled what is trained on"
                ),
                actual=float(most),
                limit=0.0,
            )
        )
    return tuple(findings)
