"""When two texts are the same text, and how a text may be shown where it must not be read.

Training items are compared with benchmark items, and the development split is drawn by cluster, under one rule: both use the normal
form made here.
"""

import html
import re
import unicodedata
from functools import lru_cache

from smo_pipelines.domain.digests import digest_of

__all__ = ["copy_key", "mask", "normalise", "text_digest"]

_URL = re.compile(r"(?:https?://|www\.)\S+")
_MENTION = re.compile(r"(?<!\w)@\w+")
_VARIATION_SELECTORS = frozenset(map(chr, range(0xFE00, 0xFE10)))
_INVISIBLE = frozenset({"Cf", "Cn", "Co", "Cs"})
_KEPT = frozenset("LMN")


@lru_cache(maxsize=8192)
def _visible(char: str) -> str:
    """Drop what is not drawn: joiners, soft hyphens, variation selectors; they split words for filters, not for readers."""
    return "" if char in _VARIATION_SELECTORS or unicodedata.category(char) in _INVISIBLE else char


@lru_cache(maxsize=8192)
def _word_or_space(char: str) -> str:
    """Keep letters, marks (vowel signs of Indic scripts are marks), numbers and pictures; everything else separates words."""
    category = unicodedata.category(char)
    return char if category[0] in _KEPT or category == "So" else " "


def _unescape(text: str) -> str:
    # Scraped posts are often escaped twice ("&amp;lt;"). Every replacement is shorter than what it replaces, so this ends.
    while (plain := html.unescape(text)) != text:
        text = plain
    return text


def normalise(text: str) -> str:
    """Return the normal form of a text: two texts with one normal form are the same text to a person who reads them.

    In order, each step for a copy that it recognises:

    1. HTML entities are resolved, also nested ones: an export of a web page keeps ``&amp;`` where its source has ``&``.
    2. Invisible characters go: zero-width spaces and soft hyphens are put into words to evade filters.
    3. Unicode NFKC and case folding: full-width and styled letters, ligatures and capitals are the same letters.
    4. Links become ``url`` and mentions ``user``: data sets replace them by placeholders (``@USER``, ``[URL]``), each its own way.
    5. Punctuation and white space become single spaces: trailing dots and line breaks are what copying changes first.

    Pictures (emoji) stay, because they carry meaning. Spelling stays: ``h8`` and ``hate`` are different texts here.

    Parameters
    ----------
    text : str

    Returns
    -------
    str
        A fixed point: ``normalise(normalise(text)) == normalise(text)``. Empty when a text has neither words nor pictures.

    Examples
    --------
    >>> normalise("RT @Someone: You &amp; ME, see https://example.org/a?b=1 !!")
    'rt user you me see url'
    """
    visible = "".join(map(_visible, _unescape(text)))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    named = _MENTION.sub(" user ", _URL.sub(" url ", folded))
    return " ".join("".join(map(_word_or_space, named)).split())


def copy_key(text: str) -> str:
    """Return what a text shares with its copies and with no other text.

    A text whose normal form is empty, e.g. only punctuation, is told by its own characters: it is no copy of other such texts.
    """
    return normalise(text) or ascii(text.strip())


@lru_cache(maxsize=1 << 16)
def text_digest(text: str) -> str:
    """Return the name (64 hex characters) that a text shares with its copies: the digest of its :func:`copy_key`."""
    return digest_of(copy_key(text))


def mask(text: str) -> str:
    """Return what may be said of a text in a log, a tag or a page: its size.

    Neither letters nor the lengths of single words are shown, because both identify an item of a public benchmark, and a slur by
    its first and last letter is still that slur.

    Examples
    --------
    >>> mask("any text at all")
    '[text of 4 words, 15 characters]'
    """
    words, characters = len(text.split()), len(text)
    return f"[text of {words} word{'' if words == 1 else 's'}, {characters} character{'' if characters == 1 else 's'}]"
