"""Which part of a change moved the model: one split of a metric's change, and what it rests on."""

from dataclasses import dataclass
from enum import StrEnum

from smo_pipelines.domain.effects import Direction, Interval, NotEstimable, Question

__all__ = [
    "Attribution",
    "CauseVerdict",
    "Contrast",
    "HeadAgreement",
    "Partition",
    "Player",
    "Share",
    "Split",
]


class Partition(StrEnum):
    """What the parts of a change are: one game is over one of these."""

    clauses = "clauses"
    """Items under each edited clause, and those under none."""
    locales = "locales"
    raters = "raters"
    """The ratings of each group of raters."""
    recipe = "recipe"
    """The recipe fields in which the arms differ."""


class CauseVerdict(StrEnum):
    """What may be said of one part."""

    cause = "cause"
    """Its share excludes 0 and is beyond what as many labels, flipped by redrawing raters, did."""
    interacting = "interacting"
    """What it does alone and what taking it back does differ in sign or by more than twice, and not by chance."""
    within_noise = "within_noise"


@dataclass(frozen=True, kw_only=True)
class Contrast:
    """A difference of coalitions, in the metric's own unit and direction; no interval where its spread is not known."""

    estimate: float
    interval: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class Player:
    """One part of a change.

    Attributes
    ----------
    members : tuple of str
        The parts that were put together, where there were too many or too few raters behind one; empty for a part by itself.
    items : int
        Training items that it can touch.
    flips : int
        Labels that it changes when it comes alone.
    raters : int
        Raters behind these items in the arm that has fewer.
    """

    name: str
    items: int
    flips: int
    raters: int
    members: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Share:
    """What one part adds to the change of a metric.

    Attributes
    ----------
    shapley, first_in, swap_back : Contrast
        Its mean contribution over all orders; alone in the control; and what taking it back from the treatment would lose.
    null_limit : float or None
        The 95th percentile of the size of what as many labels did that were flipped by redrawing raters; None where none flips.
    sentence : str
        Why the verdict is what it is.
    """

    player: str
    shapley: Contrast
    first_in: Contrast
    swap_back: Contrast
    null_limit: float | None
    verdict: CauseVerdict
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Split:
    """The change of one metric on the fast head, split: the shares sum to ``treatment - control``.

    ``shares`` go from the largest to the smallest, those within noise last; ``change`` is the whole change with its interval, and
    ``fine_tuned`` that of the experiment's own classifier.
    """

    question: Question
    direction: Direction
    control: float
    treatment: float
    change: Contrast
    fine_tuned: Contrast | None
    shares: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class HeadAgreement:
    """Whether the fast head sees the change as the experiment's own classifier does.

    Attributes
    ----------
    same_sign : bool or None
        Of the primary question's change; None where either has none.
    rank : float or None
        Spearman's correlation of both classifiers' changes over the questions that both answer; None below four questions.
    questions : int
        How many those are.
    """

    head: str
    same_classifier: bool
    same_sign: bool | None
    rank: float | None
    questions: int

    @property
    def sentence(self) -> str:
        """In words."""
        if self.same_classifier:
            return f"The split is computed on the experiment's own classifier ({self.head})."
        sign = {
            True: "moves the primary metric the same way as the experiment's classifier does",
            False: "moves the primary metric the OTHER way than the experiment's classifier: its split does not explain that classifier",
            None: "cannot be compared with the experiment's classifier on the primary metric",
        }[self.same_sign]
        rank = (
            ""
            if self.rank is None
            else f"; over {self.questions} questions the changes rank alike with Spearman's rho {self.rank:.2f}"
        )
        return f"The fast head {self.head} {sign}{rank}."


@dataclass(frozen=True, kw_only=True)
class Attribution:
    """One game: one partition of a change, and the split of each metric by it.

    Attributes
    ----------
    items : int
        Training items that every coalition labels.
    left_out : int
        Matched items that are tied or unrated in some coalition.
    refused : NotEstimable or None
        Why the game could not be played; there are then no players and no splits.
    runs, redraws : int
        Fits of each coalition on its labels, and on labels of redrawn raters.
    """

    partition: Partition
    by: str
    agreement: HeadAgreement | None = None
    players: tuple[Player, ...] = ()
    splits: tuple[Split | NotEstimable, ...] = ()
    refused: NotEstimable | None = None
    items: int = 0
    left_out: int = 0
    runs: int = 0
    redraws: int = 0

    def player(self, name: str) -> Player:
        """Return the part of a name."""
        return next(player for player in self.players if player.name == name)
