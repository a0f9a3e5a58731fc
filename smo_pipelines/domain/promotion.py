"""Which model an area uses: the candidate, what the gate said of it, and the moves that were made."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.classifiers import ClassifierConfig

__all__ = ["AliasMove", "AliasName", "Candidate", "GateCheck", "GateOutcome", "aliases_after", "registered_name"]


class AliasName(StrEnum):
    """The names that the gate alone moves."""

    champion = "champion"
    challenger = "challenger"
    previous_champion = "previous-champion"


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A fit that may become champion: the first replicate of an experiment's treatment, which no benchmark chose.

    Attributes
    ----------
    fit : str
        Its key in the store.
    config : ClassifierConfig
    labels : (str, str)
        Its classes, the negative one first.
    snapshot : str
        Digest of the labels it was trained on.
    """

    area: str
    experiment: str
    version: int
    spec_hash: str
    decision_digest: str
    change: str
    fit: str
    config: ClassifierConfig
    labels: tuple[str, str]
    snapshot: str
    guideline: str


@dataclass(frozen=True, kw_only=True)
class GateCheck:
    """One condition of the gate and how it came out."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, kw_only=True)
class GateOutcome:
    """All conditions; a candidate passes when each holds."""

    checks: tuple[GateCheck, ...]

    @property
    def passed(self) -> bool:
        """Whether the candidate may become champion; no condition at all is no pass."""
        return bool(self.checks) and all(check.passed for check in self.checks)

    @property
    def failures(self) -> tuple[str, ...]:
        """Why not, a sentence a condition."""
        return tuple(check.sentence for check in self.checks if not check.passed)


@dataclass(frozen=True, kw_only=True)
class AliasMove:
    """One entry of the append-only record.

    Attributes
    ----------
    to : AliasName
        ``champion`` after a pass, ``challenger`` where the decision is ship and something else did not hold.
    baselines : tuple of (str, str)
        The nightly plans whose guardrails were read, each with the digest of its baseline.
    by : str
        Who asked.
    """

    number: int
    area: str
    to: AliasName
    candidate: Candidate
    checks: tuple[GateCheck, ...]
    baselines: tuple[tuple[str, str], ...]
    by: str
    at: str


def aliases_after(moves: Iterable[AliasMove]) -> Mapping[AliasName, Candidate]:
    """Return where each alias points after these moves, in order; an alias that points nowhere is not there."""
    found: dict[AliasName, Candidate] = {}
    for move in moves:
        if move.to is AliasName.challenger:
            found[AliasName.challenger] = move.candidate
            continue
        before = found.get(AliasName.champion)
        if before is not None and before.fit != move.candidate.fit:
            found[AliasName.previous_champion] = before
        found[AliasName.champion] = move.candidate
        if found.get(AliasName.challenger) == move.candidate:
            del found[AliasName.challenger]
    return found


def registered_name(area: str) -> str:
    """Return the name of an area's registered model.

    Examples
    --------
    >>> registered_name("hate")
    'smo-hate-clf'
    """
    return f"smo-{re.sub(r'[^A-Za-z0-9_-]', '-', area)}-clf"
