"""The same estimator as crowd-kit's, on real and simulated ratings: one path of EM, one place to stop."""

import warnings

import numpy as np
import pandas as pd
import pytest

from bench.crowds import skilled_crowd, strict_and_lenient_crowd
from smo_pipelines.stats.dawid_skene import fit_dawid_skene

FOLDERS = {"D_Product": "d_jn-product", "Dog": "s4_Dog_data", "Face": "s4_Face_Sentiment_Identification"}


def peer_fit(columns, *, gold=None, **options):
    """Fit crowd-kit's estimator; it passes pandas an argument that pandas has deprecated."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from crowdkit.aggregation.classification.dawid_skene import DawidSkene

        frame = pd.DataFrame(dict(zip(("task", "worker", "label"), columns, strict=True)))
        return DawidSkene(**options).fit(frame, None if gold is None else pd.Series(gold)[gold >= 0])


def peer_bound(fit, columns):
    """Return what crowd-kit calls the lower bound, a rating, at the end of a fit.

    It counts the prior of an item's label once for every rating of the item instead of once, so it is no bound on the likelihood
    and may fall from one iteration to the next (on the set Duck it does, and crowd-kit stops there, after two).
    """
    item, rater, label = columns
    joint = np.log(fit.confusion)[rater, :, label] + np.log(np.maximum(fit.prior, 1e-10))
    floored = np.maximum(fit.posterior, 1e-10)
    return float(((fit.posterior[item] * joint).sum() - (floored * np.log(floored)).sum()) / len(item))


def stopped_by_its_rule(columns, sizes, *, tol):
    """Return the fit at which crowd-kit's rule stops: when its bound gains less than ``tol``."""
    last, iterations = -np.inf, 0
    while True:
        iterations += 1
        fit = fit_dawid_skene(*columns, **sizes, tolerance=-np.inf, max_iterations=iterations)
        bound = peer_bound(fit, columns)
        if bound - last < tol:
            return fit
        last = bound


def sizes_of(columns):
    return {name: int(column.max()) + 1 for name, column in zip(("n_items", "n_raters", "n_labels"), columns, strict=True)}


def posterior_of(theirs):
    return theirs.probas_.sort_index().sort_index(axis=1).to_numpy()


def agree(columns, *, tol):
    sizes = sizes_of(columns)
    theirs, ours = peer_fit(columns, n_iter=1000, tol=tol), stopped_by_its_rule(columns, sizes, tol=tol)
    assert ours.iterations == len(theirs.loss_history_) > 5
    assert np.abs(ours.posterior - posterior_of(theirs)).max() < 1e-6
    every = pd.MultiIndex.from_product([range(sizes["n_raters"]), range(sizes["n_labels"])])
    confusion = theirs.errors_.reindex(every, fill_value=0.0).sort_index(axis=1).to_numpy()
    confusion = confusion.reshape(sizes["n_raters"], sizes["n_labels"], -1).transpose(0, 2, 1)
    assert np.abs(ours.confusion - confusion).max() < 1e-6


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "tol"), [("D_Product", 1e-3), ("Dog", 1e-5), ("Face", 1e-4)])
def test_real_ratings_give_the_same_fit_in_as_many_iterations(name, tol, real_data):
    answers = pd.read_csv(real_data / "crowd-truth-infer" / FOLDERS[name] / "answer.csv", dtype=str)
    columns = tuple(pd.factorize(answers[field], sort=True)[0] for field in ("question", "worker", "answer"))
    agree(columns, tol=tol)


@pytest.mark.parametrize("draw", [skilled_crowd, strict_and_lenient_crowd])
def test_simulated_ratings_give_the_same_fit_in_as_many_iterations(draw):
    crowd = draw(1, n_items=2000, n_raters=40)
    agree((crowd.item, crowd.rater, crowd.label), tol=1e-4)


def test_gold_gives_the_same_fit_after_as_many_iterations():
    crowd = strict_and_lenient_crowd(2, n_items=1500, n_raters=40)
    columns, gold = (crowd.item, crowd.rater, crowd.label), np.where(np.arange(1500) % 5 == 0, crowd.truth, -1)
    theirs = peer_fit(columns, n_iter=12, tol=-np.inf, gold=gold)
    ours = fit_dawid_skene(*columns, **sizes_of(columns), gold=gold, tolerance=-np.inf, max_iterations=12)
    assert np.abs(ours.posterior - posterior_of(theirs)).max() < 1e-6
