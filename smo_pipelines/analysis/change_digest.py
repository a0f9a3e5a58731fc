"""From single decisions to what may be said of all of them together."""

import math
from collections.abc import Iterable, Sequence

from scipy.stats import binomtest

from smo_pipelines.domain.change_digest import (
    AfterAll,
    BenchmarkUse,
    ChangeDigest,
    DecidedChange,
    FalseShips,
    JudgedChange,
    NullTests,
)
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, Interval
from smo_pipelines.stats.multiplicity import benjamini_hochberg

__all__ = ["FALSE_DISCOVERY_RATE", "digest_of_changes"]

FALSE_DISCOVERY_RATE = 0.1
"""The share of false ones that is accepted among the changes that stand."""


def digest_of_changes(
    changes: Iterable[DecidedChange], benchmarks: Sequence[BenchmarkUse], *, q: float = FALSE_DISCOVERY_RATE
) -> ChangeDigest:
    """Read decisions together: what stands after allowing for all of them, and how many false ships are to be expected.

    **Benjamini-Hochberg** is over the primary effects of the changes that are in force: one p a change, that of the newest version
    times its looks (Bonferroni). Null tests, superseded versions and effects that could not be estimated are not in the family.

    **Expected false ships.** A change ships only when the interval of its primary effect, at its own error rate alpha, lies wholly
    above 0. A change that gains nothing does so with probability alpha/2 at most, so over all versions that could have shipped

        E[false ships] <= sum alpha_i / 2

    whatever the changes have in common (an expectation of a sum needs no independence). It is the long-run mean over operations that
    test as many changes, reached only if none of them gains anything: it is no count of those that shipped here, says nothing of which,
    and holds for changes that were not chosen by their results on the same benchmark version. False is a true change of the primary
    metric of 0 or less; one that is above 0 and too small to matter is not counted.

    Parameters
    ----------
    q : float
        False discovery rate.
    """
    ordered = sorted(changes, key=lambda one: (one.decided_at, one.experiment, one.version))
    family = [one for one in ordered if not one.null_test and one.superseded_by is None and isinstance(one.effect, EffectEstimate)]
    adjusted = dict(zip((one.spec_hash for one in family), benjamini_hochberg([_p(one) for one in family]).tolist(), strict=True))
    judged = tuple(
        JudgedChange(change=one, p_adjusted=adjusted.get(one.spec_hash), after_all=_after_all(adjusted.get(one.spec_hash), q))
        for one in ordered
    )
    return ChangeDigest(
        changes=judged,
        false_ships=_false_ships(judged),
        null_tests=_null_tests(ordered),
        benchmarks=tuple(sorted(benchmarks, key=lambda use: (-len(use.experiments), use.benchmark, use.digest))),
        q=q,
    )


def _p(change: DecidedChange) -> float:
    assert isinstance(change.effect, EffectEstimate)  # noqa: S101 -- only such are in the family
    return min(1.0, change.effect.p * change.looks)


def _after_all(p: float | None, q: float) -> AfterAll:
    if p is None:
        return AfterAll.not_tested
    return AfterAll.stands if p <= q else AfterAll.does_not_stand


def _false_ships(judged: Sequence[JudgedChange]) -> FalseShips:
    could = [one for one in judged if one.change.causal and not one.change.null_test]
    tested = [one for one in could if isinstance(one.change.effect, EffectEstimate)]
    shipped = [one for one in tested if one.change.verdict is Verdict.ship]
    return FalseShips(
        tested=len(tested),
        shipped=len(shipped),
        expected_at_most=math.fsum(
            (1.0 - one.change.effect.interval.level) / 2.0 for one in tested if isinstance(one.change.effect, EffectEstimate)
        ),
        not_standing=sum(one.after_all is AfterAll.does_not_stand for one in shipped),
    )


def _null_tests(changes: Sequence[DecidedChange]) -> NullTests:
    verdicts = [one.verdict for one in changes if one.null_test and one.verdict is not Verdict.inconclusive]
    alarms = verdicts.count(Verdict.invalid)
    if not verdicts:
        return NullTests(tests=0, alarms=0, interval=None)
    found = binomtest(alarms, len(verdicts)).proportion_ci(method="wilson")
    return NullTests(tests=len(verdicts), alarms=alarms, interval=Interval(low=float(found.low), high=float(found.high)))
