"""What the embedded operation's guidelines make of each kind of text: the ground truth of every label.

The Markdown files in ``configs/guidelines`` say the same to people; a test keeps their ids and this table together.
"""

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["CLAUSES", "GUIDELINES", "NO_CLAUSE", "PLANTED_CAUSE", "POLICIES", "Form", "Guideline", "PlantedCause", "gold_label"]

NO_CLAUSE = "none"
"""The clause of an everyday text that no rule is about."""


class Form(StrEnum):
    """What a text does, apart from the words it uses."""

    breach = "breach"
    """Does what its clause forbids, under every version."""
    quoted = "quoted"
    """Repeats a breach in order to report or reject it."""
    contested = "contested"
    """Name-calling of an office holder: versions of the harassment guideline differ on it."""
    lookalike = "lookalike"
    """Shares the words of a breach and breaks no version of any clause."""
    plain = "plain"
    """An everyday text."""


@dataclass(frozen=True, kw_only=True)
class Guideline:
    """One version of one policy, as the simulator sees it.

    Attributes
    ----------
    clauses : tuple of str
        Ids of the clauses, in the order of the file; unique over all policies.
    violating : frozenset of Form
        The forms that this version makes violating, whatever the clause.
    """

    id: str
    policy: str
    clauses: tuple[str, ...]
    violating: frozenset[Form]


@dataclass(frozen=True, kw_only=True)
class PlantedCause:
    """The one reason why gold differs between two versions of a policy."""

    policy: str
    clause: str
    form: Form
    before: str
    after: str


CLAUSES: dict[str, tuple[str, ...]] = {
    "hate": ("3.1", "3.2", "3.3", "3.4", "3.5", "3.6"),
    "harassment": ("2.1", "2.2", "2.3"),
    "threats": ("4.1", "4.2"),
    "scams": ("5.1", "5.2"),
    "self-harm": ("6.1", "6.2"),
}
POLICIES: tuple[str, ...] = tuple(CLAUSES)


def _version(policy: str, number: int, *extra: Form) -> Guideline:
    violating = frozenset({Form.breach, *extra})
    return Guideline(id=f"{policy}@{number}", policy=policy, clauses=CLAUSES[policy], violating=violating)


GUIDELINES: dict[str, tuple[Guideline, ...]] = {
    "hate": (_version("hate", 3, Form.quoted), _version("hate", 4)),
    "harassment": (_version("harassment", 1), _version("harassment", 2, Form.contested)),
    "threats": (_version("threats", 1),),
    "scams": (_version("scams", 1),),
    "self-harm": (_version("self-harm", 1),),
}
"""The versions of each policy, oldest first."""

PLANTED_CAUSE = PlantedCause(policy="hate", clause="3.2", form=Form.quoted, before="hate@3", after="hate@4")
"""hate@4 exempts quoted hate; nothing else that it changes has an effect on a label."""


def gold_label(guideline: Guideline, form: Form) -> str:
    """Return the label that a guideline gives to a text of its policy.

    Examples
    --------
    >>> before, after = GUIDELINES["hate"]
    >>> gold_label(before, Form.quoted), gold_label(after, Form.quoted)
    ('violating', 'benign')
    """
    return "violating" if form in guideline.violating else "benign"
