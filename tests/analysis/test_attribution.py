from dataclasses import replace

import numpy as np
import pytest

from smo_pipelines.analysis.attribution import NULL_DRAWS, PlayedGame, head_agreement, split_effect
from smo_pipelines.analysis.compare import compare
from smo_pipelines.domain.attribution import CauseVerdict, Player, Split
from smo_pipelines.domain.benchmarks import PredictionSet
from smo_pipelines.domain.effects import EffectEstimate, NotEstimable, Question, Role, WhyNot
from smo_pipelines.domain.experiments import ArmName, RaterClaim, ReplicateId, ReplicateKind
from smo_pipelines.domain.runs import ArmRuns, ReplicateResult

RUNS, REDRAWS = 5, 10
QUESTION = Question(metric="average_precision", on="demo", gold="hate@4", role=Role.primary)


def result(scene, slope, kind, index, seed, raters_move=0.0):
    """A fit whose scores separate the gold by `slope`: the same noise by seed in every coalition."""
    common, own = np.random.default_rng(5), np.random.default_rng([7, seed])
    predictions = {}
    for benchmark in scene.on:
        gold = np.maximum(benchmark.golds["hate@4"], 0)
        noise = common.normal(size=len(benchmark)) + 0.3 * own.normal(size=len(benchmark))
        latent = (slope + raters_move) * gold - 0.8 + noise
        predictions[benchmark.name] = PredictionSet(
            classifier_key="made up",
            benchmark=benchmark.name,
            benchmark_digest=benchmark.digest,
            scores=1 / (1 + np.exp(-latent)),
            threshold=0.5,
        )
    identity = ReplicateId(arm=ArmName.control, kind=kind, index=index, seed=seed)
    return ReplicateResult(id=identity, key=f"{slope}-{seed}", threshold=0.5, predictions=predictions)


def played(scene, slope_of, n_players, *, null=0.02, redrawn=0.0):
    """A game whose coalitions separate the gold by slope_of(coalition); null draws by 1 and a little."""
    rng = np.random.default_rng(11)
    moves = redrawn * rng.normal(size=(n_players, REDRAWS))
    coalitions = []
    for mask in range(1 << n_players):
        on = [k for k in range(n_players) if mask >> k & 1]
        runs = [result(scene, slope_of(mask), ReplicateKind.snapshot, k, k) for k in range(RUNS)]
        runs += [
            result(scene, slope_of(mask), ReplicateKind.redraw, b, 100_000 + b, float(moves[on, b].sum())) for b in range(REDRAWS)
        ]
        coalitions.append(ArmRuns(results=tuple(runs)))
    nulls = {
        k: ArmRuns(
            results=tuple(
                result(scene, slope_of(0) + null * rng.normal(), ReplicateKind.snapshot, j, j % RUNS) for j in range(NULL_DRAWS)
            )
        )
        for k in range(n_players)
    }
    players = tuple(Player(name=f"part {k}", items=50, flips=20, raters=9) for k in range(n_players))
    return PlayedGame(players=players, coalitions=tuple(coalitions), nulls=nulls, effective_raters=30.0, max_ratings_an_item=3)


def split(scene, game, raters=RaterClaim.fixed, question=QUESTION, fine_tuned=None):
    found = split_effect(question, game, on=scene.on, experiment=scene.experiment(raters=raters), fine_tuned=fine_tuned)
    assert isinstance(found, Split)
    return found


def bit(mask, player):
    return float(mask >> player & 1)


def test_a_cause_is_named_and_a_part_that_changes_no_run_has_exactly_nothing(scene) -> None:
    found = split(scene, played(scene, lambda mask: 1.0 + 0.8 * bit(mask, 1), 2))
    first, last = found.shares
    assert (first.player, first.verdict) == ("part 1", CauseVerdict.cause)
    assert first.shapley.estimate == pytest.approx(found.treatment - found.control, abs=1e-9)
    assert first.first_in.estimate == pytest.approx(first.swap_back.estimate)
    assert first.shapley.interval.low > 0
    assert (last.player, last.verdict, last.shapley.estimate) == ("part 0", CauseVerdict.within_noise, 0.0)
    assert last.shapley.interval is None
    assert "changes no run" in last.sentence


def test_shares_sum_to_the_change_whatever_the_parts_do_to_each_other(scene) -> None:
    game = played(scene, lambda mask: 1.0 + 0.3 * bit(mask, 0) - 0.2 * bit(mask, 1) + 0.4 * bit(mask, 1) * bit(mask, 2), 3)
    for metric in ("average_precision", "f1", "auroc"):
        found = split(scene, game, question=replace(QUESTION, metric=metric))
        assert sum(share.shapley.estimate for share in found.shares) == pytest.approx(found.treatment - found.control, abs=1e-9)
        assert found.change.estimate == pytest.approx(found.treatment - found.control, abs=1e-9)


def test_an_interval_that_excludes_zero_is_no_cause_where_chance_flips_do_as_much(scene) -> None:
    quiet, loud = (split(scene, played(scene, lambda mask: 1.0 + 0.2 * bit(mask, 0), 2, null=null)) for null in (0.02, 0.6))
    assert quiet.shares[0].shapley == loud.shares[0].shapley
    assert quiet.shares[0].verdict is CauseVerdict.cause
    noisy = next(share for share in loud.shares if share.player == "part 0")
    assert noisy.verdict is CauseVerdict.within_noise
    assert noisy.null_limit > abs(noisy.shapley.estimate) > quiet.shares[0].null_limit


def test_parts_that_need_each_other_are_interacting(scene) -> None:
    found = split(scene, played(scene, lambda mask: 1.0 + 0.8 * bit(mask, 0) * bit(mask, 1), 2))
    for share in found.shares:
        assert share.verdict is CauseVerdict.interacting
        assert share.first_in.estimate == 0.0
        assert share.swap_back.estimate > share.shapley.estimate > 0
        assert "depends on the other parts" in share.sentence


def test_redraws_of_the_raters_widen_the_intervals_of_a_claim_about_raters(scene) -> None:
    game = played(scene, lambda mask: 1.0 + 0.3 * bit(mask, 0), 2, redrawn=0.5)
    fixed, random = (split(scene, game, raters=claim).shares for claim in (RaterClaim.fixed, RaterClaim.random))
    about = {share.player: share for share in random}
    assert fixed[0].verdict is CauseVerdict.cause
    assert about["part 0"].verdict is CauseVerdict.within_noise
    assert about["part 0"].shapley.estimate == pytest.approx(fixed[0].shapley.estimate)
    # the other part changes no label and still its share is not known to be nothing under other raters
    assert about["part 1"].shapley.interval is not None


def test_too_few_raters_leave_points_without_intervals(scene) -> None:
    game = replace(played(scene, lambda mask: 1.0 + 0.8 * bit(mask, 0), 2), effective_raters=4.0)
    found = split(scene, game, raters=RaterClaim.random)
    assert found.change.interval is None
    for share in found.shares:
        assert share.verdict is CauseVerdict.within_noise
    assert "effective raters" in next(share.sentence for share in found.shares if share.player == "part 0")


def test_a_metric_without_an_interval_is_not_split(scene) -> None:
    game = played(scene, lambda mask: 1.0 + bit(mask, 0), 2)
    question = replace(QUESTION, metric="expected_calibration_error")
    found = split_effect(question, game, on=scene.on, experiment=scene.experiment())
    assert isinstance(found, NotEstimable)
    assert found.code is WhyNot.no_interval


def test_the_whole_change_is_that_of_a_comparison_of_the_ends(scene) -> None:
    game = played(scene, lambda mask: 1.0 + 0.5 * bit(mask, 0), 2)
    experiment = scene.experiment()
    effect = compare(game.coalitions[0], game.coalitions[-1], on=scene.on, experiment=experiment)[0]
    assert isinstance(effect, EffectEstimate)
    found = split(scene, game, fine_tuned=effect)
    assert found.change.estimate == pytest.approx(effect.estimate, abs=1e-12)
    assert found.fine_tuned.interval == effect.interval
    # runs that share a seed are paired in both, so the shares sum to the effect with its interval
    ends = (found.change.interval.low, found.change.interval.high)
    assert ends == pytest.approx((effect.interval.low, effect.interval.high), rel=1e-9)


def test_agreement_of_a_head_that_sees_the_same_and_of_one_that_sees_the_opposite(scene) -> None:
    experiment = scene.experiment()
    better = compare(*scene.runs(experiment, shift=0.5), on=scene.on, experiment=experiment)
    worse = compare(*scene.runs(experiment, shift=-0.5), on=scene.on, experiment=experiment)
    same = head_agreement(head="fast", same_classifier=False, fast=better, fine_tuned=better)
    assert (same.same_sign, same.rank) == (True, pytest.approx(1.0))
    other = head_agreement(head="fast", same_classifier=False, fast=worse, fine_tuned=better)
    assert other.same_sign is False
    assert other.rank < 0.5
    assert "does not explain" in other.sentence
    nothing = head_agreement(head="fast", same_classifier=False, fast=(), fine_tuned=better)
    assert (nothing.same_sign, nothing.rank, nothing.questions) == (None, None, 0)
