"""Which names are safe as a file name, a partition key and a tag."""

import re

__all__ = ["ID_RULE", "is_legal_id"]

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,62}")
ID_RULE = "start with a letter or digit, then letters, digits, '.', '_', '@' or '-', 63 characters at most, without '..'"
"""The rule in words."""


def is_legal_id(value: str) -> bool:
    """Return whether a name keeps the rule.

    Examples
    --------
    >>> is_legal_id("hate-emea@2"), is_legal_id("../x"), is_legal_id("")
    (True, False, False)
    """
    return _ID.fullmatch(value) is not None and ".." not in value
