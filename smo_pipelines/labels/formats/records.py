"""The running count of an import's records that could not be read."""

from dataclasses import dataclass, field

from smo_pipelines.errors import ImportRefused
from smo_pipelines.labels.batch import QuarantinedRow

__all__ = ["Quarantine"]

_SHOWN = 5


@dataclass
class Quarantine:
    """Collects the records of one import that cannot be read.

    Parameters
    ----------
    max_bad_share : float
        Above this share of bad records the whole import is refused.
    """

    max_bad_share: float
    rows: list[QuarantinedRow] = field(default_factory=list)

    def add(self, file: str, line: int, reason: str) -> None:
        """Put one record aside."""
        self.rows.append(QuarantinedRow(file=file, line=line, reason=reason))

    def judged(self, good: int, *, bad: int | None = None) -> tuple[QuarantinedRow, ...]:
        """Return the rows put aside, in the order of their lines, unless they are too many.

        Parameters
        ----------
        good : int
            How many records are good.
        bad : int, optional
            How many are not, where a record can be put aside more than once.

        Raises
        ------
        ImportRefused
            When there are no records, the share of bad records is above the limit, or nothing at all could be read.
        """
        bad = len(self.rows) if bad is None else bad
        if good + bad == 0:
            raise ImportRefused("the export has no rows; nothing was imported; export again")
        places = {file: place for place, file in enumerate(dict.fromkeys(row.file for row in self.rows))}
        rows = sorted(self.rows, key=lambda row: (places[row.file], row.line))
        if bad > self.max_bad_share * (good + bad) or good == 0:
            first = "; ".join(f"{row.file}:{row.line}: {row.reason}" for row in rows[:_SHOWN])
            raise ImportRefused(
                f"{bad} of {good + bad} rows cannot be read and at most {self.max_bad_share:.0%} may be bad; nothing was "
                f"imported: {first}; repair the export, or correct the mapping"
            )
        return tuple(rows)
