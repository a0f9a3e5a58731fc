"""What one attempt to deliver came to, and how long to wait for the next."""

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["RETRY", "Outcome", "Retry", "later", "never", "through"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One attempt: through, or not and whether another may help.

    Attributes
    ----------
    wait : float or None
        Seconds that the other side asked for before the next attempt.
    """

    delivered: bool
    again: bool
    sentence: str = ""
    wait: float | None = None


def through(sentence: str = "") -> Outcome:
    """Return a delivery; the sentence says what of it did not go as asked."""
    return Outcome(delivered=True, again=False, sentence=sentence)


def later(sentence: str, *, wait: float | None = None) -> Outcome:
    """Return a failure that may pass."""
    return Outcome(delivered=False, again=True, sentence=sentence, wait=wait)


def never(sentence: str) -> Outcome:
    """Return a failure that will be the same next time."""
    return Outcome(delivered=False, again=False, sentence=sentence)


@dataclass(frozen=True, kw_only=True)
class Retry:
    """How often one call tries a channel, and how its pauses grow.

    Attributes
    ----------
    attempts : int
        In one call; the next night tries again.
    first, factor, longest : float
        The first pause in seconds, what each pause is times the one before, and the longest.
    """

    attempts: int = 4
    first: float = 1.0
    factor: float = 3.0
    longest: float = 30.0

    def pauses(self) -> Iterator[float]:
        """Give the pauses between the attempts of one call, in seconds.

        Examples
        --------
        >>> list(Retry(attempts=4, first=1.0, factor=5.0, longest=10.0).pauses())
        [1.0, 5.0, 10.0]
        """
        for number in range(self.attempts - 1):
            yield min(self.first * self.factor**number, self.longest)


RETRY = Retry()
"""Four attempts within about a quarter of a minute: a server that restarts is waited for, one that is down is left to the next night."""
