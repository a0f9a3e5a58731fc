"""Where the width of an interval comes from, and what would narrow it."""

from collections.abc import Mapping
from dataclasses import replace

from smo_pipelines.stats.intervals import CombinedEstimate, VarianceTerm

__all__ = ["RUNS_BY_ITEMS", "narrowing", "split_variance", "what_would_narrow"]

RUNS_BY_ITEMS = "runs_by_items"
"""The churn of single runs on single items, which both more runs and more items average out."""

_MORE = {"runs": "training runs", "items": "benchmark items", "raters": "raters"}


def split_variance(difference: CombinedEstimate, churn: float) -> Mapping[str, float]:
    """Return the variance of a difference by source: ``runs`` (the seed), ``items``, ``runs_by_items`` and, where asked, ``raters``.

    The parts add up to the variance. The spread between runs holds their churn on items, so it is taken out of it.

    Parameters
    ----------
    churn : float
        ``V_SI`` of :class:`smo_pipelines.stats.crossed.CrossedComponents`.
    """
    terms = {term.source: term.variance for term in difference.terms}
    crossed = min(churn, terms.get("runs", 0.0))
    return {**terms, "runs": terms.get("runs", 0.0) - crossed, RUNS_BY_ITEMS: crossed}


def narrowing(difference: CombinedEstimate, churn: float, alpha: float, *, paired: bool = False) -> Mapping[str, float]:
    """Return by which share the interval would narrow with twice as many of each source, everything else as it is.

    Twice the runs halve the whole run part, twice the items the items' part and the churn, twice the raters the raters' part. Degrees
    of freedom follow the numbers that they count; those of a claim about raters are left as they are, so its shares are lower bounds.

    Parameters
    ----------
    paired : bool
        Whether the run part is that of runs paired by seed.
    """
    width, sources = difference.half_width(alpha), {term.source for term in difference.terms}
    crossed = split_variance(difference, churn)[RUNS_BY_ITEMS]
    about_raters = "raters" in sources

    def with_twice(source: str, term: VarianceTerm) -> VarianceTerm:
        if source == "items" and term.source == "runs":
            return replace(term, variance=term.variance - crossed / 2.0)
        if source != term.source:
            return term
        # K_C + K_T - 2 becomes 2 (K_C + K_T) - 2; K - 1 pairs become 2 K - 1, as G - 1 clusters become 2 G - 1
        df = term.df if about_raters and source != "items" else 2.0 * term.df + (2.0 if source == "runs" and not paired else 1.0)
        return replace(term, variance=term.variance / 2.0, df=df)

    found = {}
    for source in sorted(sources & _MORE.keys()):
        wider = CombinedEstimate(estimate=difference.estimate, terms=tuple(with_twice(source, t) for t in difference.terms))
        found[source] = 1.0 - wider.half_width(alpha) / width
    return found


def what_would_narrow(narrowing: Mapping[str, float]) -> str:
    """Return one sentence: more of what would narrow the interval most, and by how much.

    Examples
    --------
    >>> what_would_narrow({"items": 0.24, "runs": 0.031})
    'More benchmark items would narrow the interval most: twice as many by 24%, twice the training runs by 3%'
    """
    ordered = sorted(narrowing, key=lambda source: (-narrowing[source], source))
    if not ordered:
        return ""
    first, *others = ordered
    rest = "".join(f", twice the {_MORE[source]} by {100.0 * narrowing[source]:.0f}%" for source in others)
    return f"More {_MORE[first]} would narrow the interval most: twice as many by {100.0 * narrowing[first]:.0f}%{rest}"
