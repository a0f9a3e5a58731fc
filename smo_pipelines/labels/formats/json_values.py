"""Values of a JSON record as values of ours, or the reason why they are none."""

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

__all__ = ["BadRecord", "identifier", "joined", "kind_of", "moment", "plain_text", "seconds"]

_YEARS = range(1970, 2200)


class BadRecord(ValueError):
    """Why one record, or one answer in it, cannot be read."""


def kind_of(value: Any) -> str:
    """Return what a JSON value is, in words."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "a truth value", type(None): "null"}
    return kinds.get(type(value), "a number")


def plain_text(name: str, value: Any) -> str:
    """Return a text, number or truth value as text; null is empty.

    Raises
    ------
    BadRecord
        When it is a list or an object.

    Examples
    --------
    >>> plain_text("version", 3.0), plain_text("beta", True), plain_text("locale", None)
    ('3', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, str | int | float):
        return str(value)
    raise BadRecord(f"{name} is {kind_of(value)}, and a text belongs there")


def identifier(name: str, value: Any) -> str:
    """Return an id as text: some exports write numbers, some texts.

    Raises
    ------
    BadRecord
        When it is missing, or neither.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | None):
        raise BadRecord(f"{name} is {kind_of(value)}, and an id belongs there")
    text = "" if value is None else str(value).strip()
    if not text:
        raise BadRecord(f"no {name}")
    return text


def moment(name: str, value: Any) -> datetime | None:
    """Return an ISO-8601 moment, or seconds since 1970 as old exports have, in UTC; None where there is none.

    Raises
    ------
    BadRecord
        When it is neither, or not of a year between 1970 and 2199.
    """
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            parsed = datetime.fromisoformat(value.strip())
            utc = parsed.astimezone(UTC) if parsed.tzinfo else parsed.replace(tzinfo=UTC)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            utc = datetime.fromtimestamp(value, tz=UTC)
        else:
            raise ValueError
        if utc.year not in _YEARS:
            raise ValueError
    except (ValueError, OverflowError, OSError):
        raise BadRecord(f"{name} {str(value)[:40]!r} is not an ISO-8601 moment") from None
    return utc


def seconds(name: str, value: Any) -> float | None:
    """Return a duration in seconds; None where there is none.

    Raises
    ------
    BadRecord
        When it is not a number, or below 0.
    """
    if value is None or value == "":
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number) or number < 0:
        raise BadRecord(f"{name} {str(value)[:40]!r} is not a number of seconds")
    return number


def joined(choices: Iterable[str]) -> str:
    """Return several choices as one label, whatever their order.

    Examples
    --------
    >>> joined(["threat", "hate ", "threat"])
    'hate|threat'
    """
    return "|".join(sorted({choice.strip() for choice in choices} - {""}))
