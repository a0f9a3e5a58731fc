"""The markets in which the embedded operation moderates, as locales."""

from dataclasses import dataclass

__all__ = ["LATIN_LOCALES", "MARKETS", "Market"]


@dataclass(frozen=True, kw_only=True)
class Market:
    """One locale: its language, its share of all items, and its raters.

    Attributes
    ----------
    share : float
        Part of all items; the shares of :data:`MARKETS` sum to 1.
    core, vendor : int
        Raters of each pool who live in this locale. Raters rate every item of their language.
    pay : float
        Cost of a rating by a core rater, in US dollars.
    """

    locale: str
    language: str
    latin: bool
    share: float
    core: int
    vendor: int
    pay: float


MARKETS: tuple[Market, ...] = (
    Market(locale="en-GB", language="en", latin=True, share=0.40, core=24, vendor=12, pay=0.14),
    Market(locale="en-SG", language="en", latin=True, share=0.27, core=16, vendor=8, pay=0.11),
    Market(locale="es-MX", language="es", latin=True, share=0.10, core=20, vendor=10, pay=0.08),
    Market(locale="id-ID", language="id", latin=True, share=0.10, core=20, vendor=10, pay=0.06),
    Market(locale="hi-IN", language="hi", latin=False, share=0.07, core=20, vendor=10, pay=0.06),
    Market(locale="th-TH", language="th", latin=False, share=0.06, core=20, vendor=10, pay=0.07),
)

LATIN_LOCALES: tuple[str, ...] = tuple(market.locale for market in MARKETS if market.latin)
"""Locales whose texts an English word-piece vocabulary can read."""
