"""Decided changes to read together: the numbers are invented and round."""

from dataclasses import replace

from smo_pipelines.analysis.change_digest import digest_of_changes
from smo_pipelines.domain.change_digest import BenchmarkUse, ChangeDigest, DecidedChange
from smo_pipelines.domain.changes import ChangeKind
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.domain.effects import EffectEstimate, Interval, NotEstimable, WhyNot
from smo_pipelines.domain.phrases import primary_effect
from tests.examples.records import PRIMARY, example_price, example_record

__all__ = ["decided", "example_digest"]


def decided(name: str, change: float, half: float, p: float, verdict: Verdict, **changes: object) -> DecidedChange:
    """Return a decided change; ``change`` and ``half`` are the primary effect and half its interval, as shares."""
    effect = primary_effect(example_record().decision)
    assert isinstance(effect, EffectEstimate)
    effect = replace(effect, treatment=effect.control + change, interval=Interval(low=change - half, high=change + half), p=p)
    base = DecidedChange(
        experiment=name,
        version=1,
        spec_hash=f"spec-{name}",
        decision_digest=f"decision-{name}",
        change_id="OC-0042",
        what=f"the change that {name} tests",
        owner="team:hate-apac",
        area="hate",
        kind=ChangeKind.guideline_edit,
        decided_at="2026-03-02T08:41:10+00:00",
        verdict=verdict,
        sentence="",
        guardrails="2/2 ok",
        effect=effect,
        looks=1,
        price=example_price(effect),
    )
    return replace(base, **changes)  # type: ignore[arg-type]


def example_digest() -> ChangeDigest:
    """Return seven decisions on six changes and two A/A tests."""
    changes = [
        decided("quotes", 0.041, 0.014, 0.0004, Verdict.ship, what="clause 3.2 exempts quoted hate"),
        decided(
            "vendor",
            -0.032,
            0.02,
            0.002,
            Verdict.roll_back,
            change_id="OC-0043",
            what="a vendor takes over <b>three</b> markets",
            kind=ChangeKind.rater_pool_swap,
            decided_at="2026-03-09T10:00:00+00:00",
            guardrails="1/2 ok, 1 HARM",
        ),
        decided(
            "overlap",
            0.004,
            0.021,
            0.71,
            Verdict.inconclusive,
            change_id="OC-0044",
            what="two raters an item instead of three",
            kind=ChangeKind.overlap_change,
            decided_at="2026-03-20T10:00:00+00:00",
            price=None,
        ),
        decided(
            "slurs",
            0.03,
            0.0295,
            0.046,
            Verdict.ship,
            change_id="OC-0045",
            what="reclaimed slurs",
            decided_at="2026-04-01T10:00:00Z",
        ),
        decided(
            "slurs-2",
            0.021,
            0.025,
            0.1,
            Verdict.inconclusive,
            experiment="slurs",
            version=2,
            looks=2,
            change_id="OC-0045",
            what="reclaimed slurs, again on more raters",
            decided_at="2026-04-20T10:00:00Z",
        ),
        decided(
            "names",
            0.026,
            0.0255,
            0.045,
            Verdict.ship,
            change_id="OC-0046",
            what="names of groups",
            decided_at="2026-05-02T10:00:00Z",
        ),
        replace(
            decided("silent", 0.0, 0.1, 1.0, Verdict.inconclusive, change_id="OC-0047", decided_at="2026-05-09T10:00:00Z"),
            effect=NotEstimable(question=PRIMARY, code=WhyNot.few_positives, sentence="7 positive items, and 10 are needed"),
        ),
        decided("aa-1", 0.002, 0.02, 0.8, Verdict.hold, null_test=True, kind=ChangeKind.none, change_id="OC-0000", what="nothing"),
        decided(
            "aa-2", 0.03, 0.02, 0.01, Verdict.invalid, null_test=True, kind=ChangeKind.none, change_id="OC-0000", what="nothing"
        ),
    ]
    changes[3] = replace(changes[3], superseded_by=2)
    uses = [
        BenchmarkUse(
            benchmark="demo-gold", digest="c3" * 32, experiments=("aa-1", "aa-2", "names", "overlap", "quotes", "slurs", "vendor")
        ),
        BenchmarkUse(benchmark="demo-lookalikes", digest="d4" * 32, experiments=("quotes", "vendor")),
    ]
    return digest_of_changes(changes, uses)
