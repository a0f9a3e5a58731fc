"""Which moment is now: the machine's, unless the environment says otherwise, as a rehearsal or a replay does."""

import os
from datetime import UTC, datetime
from pathlib import Path

from smo_pipelines.errors import ConfigError

__all__ = ["CLOCK", "moment_of", "now"]

CLOCK = "SMO_CLOCK"
"""Names the variable: a moment such as ``2026-04-01T03:30:00Z``, or a file that holds one and may be written on meanwhile."""


def now() -> datetime:
    """Return the current moment in UTC.

    Raises
    ------
    ConfigError
        When ``SMO_CLOCK`` is set and is neither a moment nor a file that holds one.
    """
    text = os.environ.get(CLOCK, "").strip()
    if not text:
        return datetime.now(UTC)
    path = Path(text)
    return moment_of(path.read_text(encoding="utf-8") if path.is_file() else text, CLOCK)


def moment_of(text: str, source: str) -> datetime:
    """Return the moment that a text names, in UTC; one without a time zone is in UTC.

    Raises
    ------
    ConfigError
        When it names none.

    Examples
    --------
    >>> moment_of("2026-04-01T05:30:00+02:00", "an example").isoformat()
    '2026-04-01T03:30:00+00:00'
    """
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise ConfigError(f"{source}: {text.strip()!r} is not a moment such as 2026-04-01T03:30:00Z") from error
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
