"""What an item's label truly is, from raters who err each in their own way: the model of Dawid and Skene (1979), by EM.

Every rater has a confusion matrix: how often they give each label to items of each true label. Raters' errors are taken to be
independent given the item's true label. Nothing here is random.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

__all__ = ["DawidSkeneFit", "fit_dawid_skene", "label_shares"]

_ITEMS_AT_ONCE = 1 << 15  # so that the numbers of a block stay in the processor's cache
_NOTHING = 1e-10  # stands for a count or a share of 0, whose logarithm is not finite
_NEVER = 1e-300  # the same for a label that a rater never gives, so that no rating asks for its logarithm


@dataclass(frozen=True, kw_only=True, eq=False)
class DawidSkeneFit:
    """Where EM stopped.

    Attributes
    ----------
    posterior : ndarray of shape (n_items, n_labels), float64
        How likely each label is the item's true one; rows sum to 1.
    confusion : ndarray of shape (n_raters, n_labels, n_labels), float64
        ``confusion[r, k, j]``: how often rater r gives label j to an item whose true label is k; sums to 1 over j. Where nothing
        that a rater rated can be a k, the row of k has equal shares, over the labels that this rater has ever given.
    prior : ndarray of shape (n_labels,), float64
        Share of the items with each true label.
    converged : bool
        False when ``max_iterations`` ended the fit: the posterior is then still moving.
    iterations : int
        Pairs of an E step and an M step.
    log_likelihood : float
        Of the ratings (and of the gold labels), in nats, at the parameters that gave ``posterior``.
    """

    posterior: np.ndarray
    confusion: np.ndarray
    prior: np.ndarray
    converged: bool
    iterations: int
    log_likelihood: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Ratings:
    """Ratings in canonical order: a block of items by columns, a column being a rater and the label that this rater gave."""

    blocks: tuple[tuple[slice, sparse.csr_array, sparse.csc_array], ...]
    gold: np.ndarray
    shape: tuple[int, int]
    total: float


@dataclass(frozen=True, kw_only=True, eq=False)
class _Counts:
    """What a posterior implies: ratings by (rater and label given, true label), and items by true label."""

    ratings: np.ndarray
    items: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class _Parameters:
    """Logarithms of the confusion matrices, (n_raters * n_labels given, n_labels true), and of the class prior, (n_labels,)."""

    confusion: np.ndarray
    prior: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class _Habits:
    """By (rater and label given): the least count of a label that the rater does give, and the pool's ratings that are added."""

    least: np.ndarray
    pooled: np.ndarray


def fit_dawid_skene(  # noqa: PLR0913 - three columns with their sizes, and what may be asked of the estimator
    item: np.ndarray,
    rater: np.ndarray,
    label: np.ndarray,
    *,
    n_items: int,
    n_raters: int,
    n_labels: int,
    weights: np.ndarray | None = None,
    gold: np.ndarray | None = None,
    pooling: float = 0.0,
    tolerance: float = 1e-8,
    max_iterations: int = 1000,
) -> DawidSkeneFit:
    r"""Estimate true labels, raters' confusion matrices and the class prior together, by EM [1]_.

    The likelihood of item i with ratings :math:`y_{ir}` is :math:`\sum_k p_k \prod_r \pi^{(r)}_{k y_{ir}}`. The E step takes the
    posterior of k, in logarithms; the M step sets :math:`p` to the mean posterior, and :math:`\pi^{(r)}_{kj}` to the share of label
    j among the ratings by r of items of true label k (eq. 2.3 to 2.5 of [1]_). EM starts from each item's shares of labels.

    The result is the same to the last bit however the ratings are ordered and the raters are numbered: raters are put in an order
    that depends on what they rated alone, and every sum runs in that order.

    Parameters
    ----------
    item, rater, label : ndarray of shape (n_ratings,), int
        Positions: below ``n_items``, ``n_raters``, ``n_labels``. Every item has a rating; a rater may have none.
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating: a rating of weight 2 counts as two equal ones.
    gold : ndarray of shape (n_items,), int, optional
        The item's known label, -1 where there is none: its posterior is that label throughout.
    pooling : float
        How many ratings of items of each true label are added to every rater's own, divided over the given labels as the ratings of
        all raters are at the start: a Dirichlet prior of 1 plus those counts on each row of a confusion matrix, and EM climbs to
        the posterior mode. Raters of few ratings then stay near the pool. 0 is the classical estimator, of maximum likelihood.
    tolerance : float
        EM stops when an iteration adds less than this to the lower bound that it climbs, in nats a rating.
    max_iterations : int

    Raises
    ------
    ValueError
        When an argument is outside what is said above.

    References
    ----------
    .. [1] A. P. Dawid and A. M. Skene (1979). Maximum likelihood estimation of observer error-rates using the EM algorithm.
       Applied Statistics 28(1), 20-28.

    Examples
    --------
    >>> item, rater = np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)
    >>> label = np.array([0, 0, 1, 0, 0, 0, 1, 1, 0, 1, 1, 1])  # the third rater errs twice
    >>> fit = fit_dawid_skene(item, rater, label, n_items=4, n_raters=3, n_labels=2)
    >>> fit.posterior[:, 1].round(3).tolist(), fit.converged
    ([0.0, 0.0, 1.0, 1.0], True)
    >>> fit.confusion[2].round(3).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """
    if not (len(item) and pooling >= 0.0 and max_iterations >= 1):
        raise ValueError(f"{len(item)} ratings, pooling {pooling}, {max_iterations} iterations; at least 1, 0 and 1 are legal")
    item, rater, label, weights, rank = _canonical(item, rater, label, weights, (n_items, n_raters, n_labels))
    posterior = label_shares(item, label, n_items=n_items, n_labels=n_labels, weights=weights)
    gold = np.full(n_items, -1, dtype=np.int8) if gold is None else gold
    if not (gold.min() >= -1 and gold.max() < n_labels):
        raise ValueError(f"gold has positions from {gold.min()} to {gold.max()}; -1 to {n_labels - 1} is legal")
    ratings = _blocks(item, rater * n_labels + label, weights, gold, (n_items, n_raters * n_labels))
    del item, rater, label
    counts = _start(ratings, posterior)
    habits = _habits(counts, pooling)
    now = _maximise(counts, habits)
    bound, converged, iterations, log_likelihood = -np.inf, False, 0, 0.0
    while not converged and iterations < max_iterations:
        before, last = now, bound
        counts, log_likelihood = _expect(ratings, before, posterior)
        now = _maximise(counts, habits)
        bound = log_likelihood + _gained(counts, before, now) + float((habits.pooled * now.confusion).sum())
        converged = bool(bound - last < tolerance * ratings.total)
        iterations += 1
    confusion = np.exp(now.confusion).reshape(n_raters, n_labels, n_labels)
    return DawidSkeneFit(
        posterior=posterior,
        confusion=np.ascontiguousarray(confusion.transpose(0, 2, 1)[rank]),
        prior=counts.items / n_items,
        converged=converged,
        iterations=iterations,
        log_likelihood=log_likelihood,
    )


def label_shares(
    item: np.ndarray, label: np.ndarray, *, n_items: int, n_labels: int, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return the share of each label in the weight of an item's ratings; the largest is the item's plurality.

    Parameters
    ----------
    item, label : ndarray of shape (n_ratings,), int
        Positions below ``n_items`` and ``n_labels``. Every item has a rating.
    weights : ndarray of shape (n_ratings,), optional
        A positive number for each rating.

    Returns
    -------
    ndarray of shape (n_items, n_labels), float64

    Raises
    ------
    ValueError
        When an item has no rating.

    Examples
    --------
    >>> label_shares(np.array([0, 0, 0, 1]), np.array([2, 2, 0, 1]), n_items=2, n_labels=3).round(2).tolist()
    [[0.33, 0.0, 0.67], [0.0, 1.0, 0.0]]
    """
    cell = item * np.int64(n_labels) + label
    counts = np.bincount(cell, weights=weights, minlength=n_items * n_labels).reshape(n_items, n_labels)
    total = counts.sum(axis=1, keepdims=True)
    if not bool((total > 0).all()):
        raise ValueError(f"{int((total == 0).sum())} of {n_items} items have no rating")
    shares: np.ndarray = counts / total
    return shares


def _canonical(
    item: np.ndarray, rater: np.ndarray, label: np.ndarray, weights: np.ndarray | None, sizes: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None, np.ndarray]:
    """Return items, raters, labels and weights in an order, and with numbers for the raters, that only their content decides.

    A rater's number is the place of a hash of all that this rater rated: a sum of hashes of ratings, so their order plays no role.
    Raters with equal hashes rated alike and may be swapped. The last value is the new number of each rater.
    """
    _, n_raters, n_labels = (int(size) for size in sizes)
    for name, positions, size in zip(("item", "rater", "label"), (item, rater, label), sizes, strict=True):
        if len(positions) and not (positions.min() >= 0 and positions.max() < size):
            raise ValueError(f"{name} has positions from {positions.min()} to {positions.max()}; 0 to {size - 1} is legal")
    word = _mixed((item * np.int64(n_labels) + label + 1).view(np.uint64))  # from 1: the scrambled 0 is 0, and would leave no trace
    if weights is not None:
        weights = np.ascontiguousarray(weights, dtype=np.float64)
        if not bool((weights > 0).all()):
            raise ValueError("rating weights must be positive")
        word = _mixed(word ^ weights.view(np.uint64))
    content = np.zeros(n_raters, dtype=np.uint64)
    np.add.at(content, rater, word)
    rank = np.empty(n_raters, dtype=np.int64)
    rank[np.argsort(content, kind="stable")] = np.arange(n_raters)
    label_bits = (n_labels - 1).bit_length()
    item_starts = label_bits + (n_raters - 1).bit_length()
    key = (item.astype(np.int64) << item_starts) | (rank[rater] << label_bits) | label
    if weights is None:
        key.sort(kind="stable")  # nearly sorted already where ratings come in order of items
    else:
        order = np.lexsort((weights, key))
        key, weights = key[order], weights[order]
    item, label = key >> item_starts, key & ((1 << label_bits) - 1)
    rater = (key >> label_bits) & ((1 << (item_starts - label_bits)) - 1)
    return item.astype(np.int32), rater.astype(np.int32), label.astype(np.int32), weights, rank


def _mixed(words: np.ndarray) -> np.ndarray:
    """Return 64-bit words whose sums tell their sets apart: the finaliser of splitmix64, a bijection."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: np.ndarray = words ^ (words >> np.uint64(31))
    return mixed


def _blocks(item: np.ndarray, column: np.ndarray, weights: np.ndarray | None, gold: np.ndarray, shape: tuple[int, int]) -> _Ratings:
    """Return the ratings as sparse matrices that share their arrays, and each beside its transpose."""
    ends = np.concatenate([[0], np.cumsum(np.bincount(item, minlength=shape[0]))])
    starts = range(0, shape[0], _ITEMS_AT_ONCE)
    rows = [slice(start, min(start + _ITEMS_AT_ONCE, shape[0])) for start in starts]
    ones = np.ones(max((int(ends[part.stop] - ends[part.start]) for part in rows), default=0))
    blocks = []
    for part in rows:
        first, end = ends[part.start], ends[part.stop]
        data = ones[: end - first] if weights is None else weights[first:end]
        offsets = (ends[part.start : part.stop + 1] - first).astype(np.int32)
        block = sparse.csr_array((data, column[first:end], offsets), shape=(part.stop - part.start, shape[1]))
        blocks.append((part, block, block.T))
    total = float(len(item)) if weights is None else float(weights.sum())
    return _Ratings(blocks=tuple(blocks), gold=gold, shape=shape, total=total)


def _start(ratings: _Ratings, posterior: np.ndarray) -> _Counts:
    """Put gold into the posterior, in place, and count it."""
    known = np.flatnonzero(ratings.gold >= 0)
    posterior[known] = 0.0
    posterior[known, ratings.gold[known]] = 1.0
    counts = np.zeros((ratings.shape[1], posterior.shape[1]))
    for part, _, transpose in ratings.blocks:
        counts += transpose @ posterior[part]
    return _Counts(ratings=counts, items=posterior.sum(axis=0))


def _expect(ratings: _Ratings, now: _Parameters, posterior: np.ndarray) -> tuple[_Counts, float]:
    """Write the posterior, in place, and return its counts and the log likelihood of the parameters."""
    counts, items, log_likelihood = np.zeros_like(now.confusion), np.zeros_like(now.prior), 0.0
    for part, block, transpose in ratings.blocks:
        joint = np.ascontiguousarray((block @ now.confusion).T)  # a label a row, so that the arithmetic runs along the items
        joint += now.prior[:, None]
        known = np.flatnonzero(ratings.gold[part] >= 0)
        answer = ratings.gold[part][known]
        peak = joint.max(axis=0)
        share = np.exp(joint - peak)
        total = share.sum(axis=0)
        share /= total
        each = peak + np.log(total)
        each[known] = joint[answer, known]
        share[:, known] = 0.0
        share[answer, known] = 1.0
        log_likelihood += float(each.sum())
        items += share.sum(axis=1)
        posterior[part] = share.T
        counts += transpose @ posterior[part]
    return _Counts(ratings=counts, items=items), log_likelihood


def _habits(start: _Counts, pooling: float) -> _Habits:
    """Read off the starting counts who ever gives which label, and what all raters give together."""
    n_labels = len(start.items)
    by_rater = start.ratings.reshape(-1, n_labels, n_labels)
    given = by_rater.sum(axis=2) > 0.0
    given |= ~given.any(axis=1, keepdims=True)  # a rater of no items might give any
    pool = by_rater.sum(axis=0)
    pool *= pooling / np.maximum(pool.sum(axis=0), _NOTHING)
    return _Habits(least=_NOTHING * given.reshape(-1, 1), pooled=np.tile(pool, (len(by_rater), 1)))


def _maximise(counts: _Counts, habits: _Habits) -> _Parameters:
    """Return the parameters that fit the counts, and what is held of raters beforehand, best."""
    n_labels = len(counts.items)
    cells = np.maximum(counts.ratings + habits.pooled, habits.least).reshape(-1, n_labels, n_labels)
    cells /= cells.sum(axis=1, keepdims=True)
    confusion = np.log(np.maximum(cells, _NEVER)).reshape(-1, n_labels)
    return _Parameters(confusion=confusion, prior=np.log(np.maximum(counts.items / counts.items.sum(), _NOTHING)))


def _gained(counts: _Counts, before: _Parameters, now: _Parameters) -> float:
    """Return what the M step added to the expected log likelihood of ratings and true labels under the posterior.

    Before it, that expectation and the posterior's entropy add up to the log likelihood itself: the lower bound touches there.
    """
    by_raters = float((counts.ratings * (now.confusion - before.confusion)).sum())
    return by_raters + float((counts.items * (now.prior - before.prior)).sum())
