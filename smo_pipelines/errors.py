"""Every exception this project raises on purpose.

::

    SmoError                        something the user can act on; the command line prints it and exits with 2
    ├── ConfigError                 a file under configs/ or experiments/ cannot be read as written
    │   └── UnknownName             a name (guideline, pool, classifier, benchmark, experiment) that is not defined
    ├── RegistrationError           an experiment changed under an id that is already registered
    ├── NightlyError                a night or a blessing that cannot be made as asked
    │   └── BaselineChanged         a baseline whose recipe, code, benchmarks or streams are no longer those of now
    ├── LabelError                  ratings that cannot give the labels that were asked for
    │   ├── FetchFailed             a public data set that cannot be had, or is not the published one
    │   ├── ImportRefused           an export that cannot be imported, or has too many bad rows
    │   ├── NoRatings               a recipe that selects nothing
    │   └── OneClass                ratings that give every item the same label
    ├── ClassifierError             training or scoring cannot be done
    │   ├── WeightsMissing          no backbone weights in any of the three places
    │   ├── WeightsMismatch         weights whose digest is not the expected one
    │   └── UnknownTokens           a backbone that cannot read these texts
    ├── BenchmarkError              a benchmark that is malformed or was not made for what was asked
    ├── StoreError                  a stored result that is missing or damaged
    ├── TrackingError               the experiment tracker refused or did not answer
    ├── GateRefused                 a candidate that may not become champion
    ├── AlertError                  an alert that cannot be sent or found as asked
    ├── ServiceError                a local server or daemon did not start, or is not running
    └── CannotEstimate              a statistic whose conditions fail; becomes a NotEstimable in a comparison

A message says what was asked, what was got, what is legal and what to do next. Nothing here is ever turned into a number.
"""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

__all__ = [
    "AlertError",
    "BaselineChanged",
    "BenchmarkError",
    "CannotEstimate",
    "ClassifierError",
    "ConfigError",
    "FetchFailed",
    "GateRefused",
    "ImportRefused",
    "LabelError",
    "NightlyError",
    "NoRatings",
    "OneClass",
    "RegistrationError",
    "ServiceError",
    "SmoError",
    "StoreError",
    "TrackingError",
    "UnknownName",
    "UnknownTokens",
    "WeightsMismatch",
    "WeightsMissing",
    "did_you_mean",
]


def did_you_mean(name: str, legal: Iterable[str]) -> str:
    """Return a clause that names the closest legal spelling, or the legal names when none is close.

    Examples
    --------
    >>> did_you_mean("redrawz", ["redraws", "replicates"])
    "did you mean 'redraws'?"
    >>> did_you_mean("zzz", ["b", "a"])
    'legal: a, b'
    """
    choices = sorted(set(legal))
    close = get_close_matches(name, choices, n=1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"legal: {', '.join(choices)}" if choices else "none is defined"


class SmoError(Exception):
    """Something the user can act on."""


class ConfigError(SmoError):
    """A file under configs/ or experiments/ cannot be read as written."""


class UnknownName(ConfigError):
    """A name that is not defined.

    Parameters
    ----------
    what : str
        The kind of thing that was looked up, e.g. ``"guideline"``.
    name : str
        The name that was given.
    legal : iterable of str
        The names that exist.
    """

    def __init__(self, what: str, name: str, legal: Iterable[str]) -> None:
        self._parts = (what, name, tuple(legal))
        super().__init__(f"unknown {what} {name!r}; {did_you_mean(name, self._parts[2])}")

    def __reduce__(self) -> tuple[Any, ...]:
        # a training process sends its error to the process that waits for it, which makes it anew from these
        return type(self), self._parts


class RegistrationError(SmoError):
    """An experiment changed under an id that is already registered."""


class NightlyError(SmoError):
    """A night or a blessing that cannot be made as asked."""


class BaselineChanged(NightlyError):
    """A baseline whose recipe, code, benchmarks or streams are no longer those of now: nights cannot be compared with it."""


class LabelError(SmoError):
    """Ratings that cannot give the labels that were asked for."""


class FetchFailed(LabelError):
    """A public data set that cannot be had, or is not the published one; nothing was written."""


class ImportRefused(LabelError):
    """An export that cannot be imported, or has too many bad rows; nothing was written."""


class NoRatings(LabelError):
    """A recipe that selects no rating at all."""


class OneClass(LabelError):
    """Ratings that give every item the same label: there is nothing to tell apart."""


class ClassifierError(SmoError):
    """Training or scoring cannot be done."""


class WeightsMissing(ClassifierError):
    """No backbone weights were found in any of the three places."""


class WeightsMismatch(ClassifierError):
    """Backbone weights whose digest is not the expected one."""


class UnknownTokens(ClassifierError):
    """A backbone whose vocabulary cannot read these texts."""


class BenchmarkError(SmoError):
    """A benchmark that is malformed or was not made for what was asked."""


class StoreError(SmoError):
    """A stored result that is missing or damaged."""


class TrackingError(SmoError):
    """The experiment tracker refused or did not answer; the results are safe in the store."""


class GateRefused(SmoError):
    """A candidate that may not become champion; the message says every condition that does not hold."""


class AlertError(SmoError):
    """An alert that cannot be sent or found as asked; no secret is ever part of the message."""


class ServiceError(SmoError):
    """A local server or daemon did not start, or is not running."""


class CannotEstimate(SmoError):
    """A statistic whose conditions fail.

    Parameters
    ----------
    code : str
        A member of :class:`smo_pipelines.domain.effects.WhyNot`, by value.
    sentence : str
        What failed, in words a reader of the report understands.
    **counts : int
        The counts that show it.
    """

    def __init__(self, code: str, sentence: str, **counts: int) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.counts = counts

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.code, self.sentence), {"counts": self.counts}
