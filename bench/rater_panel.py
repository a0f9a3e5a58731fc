"""Raters, their labels and a linear head trained on them: the truth is the mean over many fresh pools of raters.

Training items and benchmark items are fixed. A rater has a strictness, own feature weights and a lapse rate; three raters or more,
drawn at random, label an item. The head is a ridge regression of the majority label on fixed random features; a training seed is a
vector of Exp(1) item weights, as for the library's ``tfidf`` classifier. In the treatment a feature-dependent shift of the
raters' positive bar plays a guideline edit, which raters follow to different degrees.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import special

from smo_pipelines.stats.panel_flips import matching_shape
from smo_pipelines.stats.random_raters import RaterArm

__all__ = ["Pool", "RaterPanel", "Workload"]


@dataclass(frozen=True, eq=False)
class Pool:
    """One draw of raters: columns are strictness, own weights and response to the edit."""

    strictness: np.ndarray
    weights: np.ndarray
    lapse: np.ndarray
    response: np.ndarray


@dataclass(frozen=True, eq=False)
class Workload:
    """Who rates what: rater positions (n_items, n_ratings), and the ratings' noise as uniforms of the same shape."""

    raters: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True, kw_only=True)
class RaterPanel:
    """A population of rater pools over fixed items; ``clear`` is how far each item is moved away from the positive bar."""

    n_raters: int = 20
    n_ratings: int = 3
    clear: float = 0.0
    n_train: int = 400
    n_test: int = 600
    effect: float = 0.0
    world: int = 1
    strictness_sd: float = 0.8
    weights_sd: float = 0.4
    max_lapse: float = 0.15
    ridge: float = 3.0

    @cached_property
    def _fixed(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        rng = np.random.default_rng(self.world)
        latent = rng.normal(size=(self.n_train + self.n_test, 6))
        features = np.column_stack([np.ones(len(latent)), np.tanh(latent @ rng.normal(size=(6, 12)) * 0.6)])
        taste = rng.normal(size=6)
        taste *= 2.0 / np.linalg.norm(taste)
        utility = latent @ taste - 0.5
        utility += self.clear * np.sign(utility)
        edit = 1.0 + np.tanh(latent[:, 0])
        gold = (utility[self.n_train :] > 0).astype(np.int8)
        return (features[: self.n_train], features[self.n_train :], latent[: self.n_train], utility[: self.n_train], edit, gold)

    @property
    def gold(self) -> np.ndarray:
        """Clean references of the benchmark, shape (n_test,)."""
        return self._fixed[5]

    def pool(self, rng: np.random.Generator) -> Pool:
        """Draw raters."""
        n = self.n_raters
        return Pool(
            self.strictness_sd * rng.normal(size=n),
            self.weights_sd * rng.normal(size=(n, 6)),
            self.max_lapse * rng.random(n),
            rng.uniform(0.5, 1.5, n),
        )

    def workload(self, rng: np.random.Generator) -> Workload:
        """Draw different raters for each item."""
        order = np.argsort(rng.random((self.n_train, self.n_raters)), axis=1)
        return Workload(order[:, : self.n_ratings], rng.random((self.n_train, self.n_ratings)))

    def votes(self, pool: Pool, work: Workload, *, treated: bool) -> np.ndarray:
        """Return the ratings, shape (n_train, n_ratings)."""
        _, _, latent, utility, edit, _ = self._fixed
        who = work.raters
        lean = utility[:, None] - pool.strictness[who] + np.einsum("if,irf->ir", latent, pool.weights[who])
        if treated:
            lean = lean + self.effect * edit[: self.n_train, None] * pool.response[who]
        chance = (1.0 - pool.lapse[who]) * special.expit(1.7 * lean) + 0.5 * pool.lapse[who]
        return work.noise < chance

    def labels(self, votes: np.ndarray, work: Workload, rater_weights: np.ndarray) -> np.ndarray:
        """Return the weighted majority of each row of rater weights, shape (n_draws, n_train); a tie goes with its first rating."""
        weight = rater_weights[:, work.raters]
        lead = np.sum(weight * (votes - 0.5), axis=2)
        return np.asarray(np.where(np.abs(lead) < 1e-9, votes[:, 0], lead > 0.0))

    def flagged(self, labels: np.ndarray, item_weights: np.ndarray) -> np.ndarray:
        """Fit a head for each row of labels and item weights, and return what it flags, shape (n_fits, n_test)."""
        train, test = self._fixed[:2]
        weighted = item_weights[:, :, None] * train
        gram = np.matmul(np.swapaxes(weighted, 1, 2), train) + self.ridge * np.eye(train.shape[1])
        moment = np.einsum("kif,ki->kf", weighted, labels - 0.5)
        head = np.linalg.solve(gram, moment[:, :, None])[:, :, 0]
        return np.asarray(head @ test.T > 0.0)

    def metrics(self, flagged: np.ndarray) -> dict[str, np.ndarray]:
        """Return accuracy and false positive rate of each fit."""
        return {
            "functional_pass_rate": np.mean(flagged == (self.gold == 1), axis=1),
            "false_positive_rate": np.mean(flagged[:, self.gold == 0], axis=1),
        }

    def experiment(
        self, rng: np.random.Generator, n_runs: int, n_redraws: int, *, same_raters: bool
    ) -> dict[str, tuple[RaterArm, RaterArm]]:
        """Run one experiment: control and treatment of each metric; same raters also share assignment, noise and seeds."""
        measured = []
        shared = None
        for treated in (False, True):
            if shared is None or not same_raters:
                shared = (
                    self.pool(rng),
                    self.workload(rng),
                    rng.exponential(size=(n_redraws, self.n_raters)),
                    rng.exponential(size=(n_runs + n_redraws, self.n_train)),
                )
            pool, work, drawn, item_weights = shared
            if same_raters and treated:  # a second round of ratings by the same people is not the first one again
                keep = rng.random(work.noise.shape) < 0.5
                work = Workload(work.raters, np.where(keep, work.noise, rng.random(work.noise.shape)))
            votes = self.votes(pool, work, treated=treated)
            shape = matching_shape({self.n_ratings: np.bincount(votes.sum(axis=1), minlength=self.n_ratings + 1)})
            weights = drawn if shape == 1.0 else special.gammainccinv(shape, np.exp(-drawn)) / shape
            labels = self.labels(votes, work, np.vstack([np.ones((n_runs, self.n_raters)), weights]))
            counts = np.bincount(work.raters.ravel(), minlength=self.n_raters).astype(float)
            effective = float(counts.sum() ** 2 / np.sum(counts**2))
            values = self.metrics(self.flagged(labels, item_weights))
            measured.append({name: RaterArm(v[:n_runs], v[n_runs:], effective, self.n_ratings) for name, v in values.items()})
        return {name: (measured[0][name], measured[1][name]) for name in measured[0]}

    def true_difference(self, rng: np.random.Generator, pools: int) -> dict[str, float]:
        """Return treatment - control of each metric, the mean over so many fresh pools, assignments and seeds an arm."""
        difference: dict[str, float] = {}
        for sign, treated in ((-1.0, False), (1.0, True)):
            for _ in range(pools):
                work = self.workload(rng)
                labels = self.labels(self.votes(self.pool(rng), work, treated=treated), work, np.ones((1, self.n_raters)))
                values = self.metrics(self.flagged(labels, rng.exponential(size=(1, self.n_train))))
                for name, value in values.items():
                    difference[name] = difference.get(name, 0.0) + sign * float(value[0]) / pools
        return difference
