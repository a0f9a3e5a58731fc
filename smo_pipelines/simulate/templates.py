"""Texts from templates with slots, such that training and benchmark texts can never be equal.

Every template holds a slot that names a people, a person or a firm, and those names are halved between the splits. Other slots
share a third of their fillings, and some templates belong to one split alone. So a classifier must carry a meaning over to words
that it has not seen, as it must in service.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import numpy as np

from smo_pipelines.simulate import english, hindi_thai, spanish_indonesian
from smo_pipelines.simulate.policy import Form

__all__ = ["LANGUAGES", "MAX_WORDS", "SPLITS", "Language", "Template", "language", "write_text"]

SPLITS = ("train", "benchmark")
MAX_WORDS = 14
"""Longer texts are drawn again, so that a short sequence length loses nothing."""

_NAMES = frozenset({"group", "nick", "person", "firm"})
_SLOT = re.compile(r"\{(\w+)\}")
_OPENER_RATE = _CLOSER_RATE = 0.3
_PARTICLES = {"en-SG": ("lah", "sia", "leh", "one", "meh")}
_PARTICLE_RATE = 0.25


@dataclass(frozen=True, kw_only=True)
class Template:
    """A sentence with slots; its ``id`` is the cluster of a benchmark, because its texts are not independent of each other."""

    id: str
    policy: str
    clause: str
    form: Form
    text: str
    splits: tuple[str, ...]

    @property
    def pieces(self) -> tuple[str, ...]:
        """The text cut at its slots: literal, slot name, literal, ..., literal."""
        return tuple(_SLOT.split(self.text))


@dataclass(frozen=True, kw_only=True)
class Language:
    """The templates of one language and what may fill their slots.

    Attributes
    ----------
    fillings : mapping of (split, slot) to tuple of str
    openers, closers : tuple of str
        Remarks that carry no meaning for any policy; added to any text alike.
    """

    code: str
    templates: tuple[Template, ...]
    fillings: Mapping[tuple[str, str], tuple[str, ...]]
    openers: tuple[str, ...]
    closers: tuple[str, ...]


_SOURCES = {
    "en": (english.TEMPLATES, english.SLOTS, (english.OPENERS, english.CLOSERS)),
    "es": (spanish_indonesian.SPANISH_TEMPLATES, spanish_indonesian.SPANISH_SLOTS, spanish_indonesian.SPANISH_STYLE),
    "id": (spanish_indonesian.INDONESIAN_TEMPLATES, spanish_indonesian.INDONESIAN_SLOTS, spanish_indonesian.INDONESIAN_STYLE),
    "hi": (hindi_thai.HINDI_TEMPLATES, hindi_thai.HINDI_SLOTS, hindi_thai.HINDI_STYLE),
    "th": (hindi_thai.THAI_TEMPLATES, hindi_thai.THAI_SLOTS, hindi_thai.THAI_STYLE),
}
LANGUAGES: tuple[str, ...] = tuple(_SOURCES)


def _fillings(slot: str, fillings: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if slot in _NAMES:
        return {"train": fillings[::2], "benchmark": fillings[1::2]}
    held_out = {"train": 2, "benchmark": 1}
    return {split: tuple(f for i, f in enumerate(fillings) if i % 3 != held_out[split]) for split in SPLITS}


def _splits_of(position: int) -> tuple[str, ...]:
    return {3: ("train",), 4: ("benchmark",)}.get(position % 5, SPLITS)


@cache
def language(code: str) -> Language:
    """Return the templates of a language, numbered within policy, clause and form.

    Raises
    ------
    KeyError
        When the code is not one of :data:`LANGUAGES`.
    """
    rows, slots, (openers, closers) = _SOURCES[code]
    seen: dict[tuple[str, str, Form], int] = {}
    templates = []
    for policy, clause, form, text in rows:
        position = seen.get((policy, clause, form), 0)
        seen[policy, clause, form] = position + 1
        name = f"{code}-{policy}-{clause}-{form}-{position}"
        templates.append(Template(id=name, policy=policy, clause=clause, form=form, text=text, splits=_splits_of(position)))
    fillings = {(split, slot): f for slot, all_f in slots.items() for split, f in _fillings(slot, all_f).items()}
    return Language(code=code, templates=tuple(templates), fillings=fillings, openers=openers, closers=closers)


def write_text(template: Template, lang: Language, split: str, locale: str, rng: np.random.Generator) -> str:
    """Fill a template's slots at random with what its split allows, and dress it.

    Returns
    -------
    str
        A text of at most :data:`MAX_WORDS` words between spaces, on one line.
    """
    choices = [lang.fillings[split, slot] for slot in template.pieces[1::2]]
    while True:
        u = rng.random(len(choices) + 6)
        filled = [options[int(x * len(options))] for options, x in zip(choices, u[6:], strict=True)]
        body = "".join(_interleave(template.pieces[::2], filled))
        text = _dress(body, lang, locale, u[:6])
        if len(text.split()) <= MAX_WORDS:
            return text


def _interleave(literals: tuple[str, ...], filled: list[str]) -> list[str]:
    out = [literals[0]]
    for value, literal in zip(filled, literals[1:], strict=True):
        out += [value, literal]
    return out


def _dress(body: str, lang: Language, locale: str, u: np.ndarray) -> str:
    parts = [body]
    particles = _PARTICLES.get(locale, ())
    if particles and u[4] < _PARTICLE_RATE:
        parts.append(particles[int(u[5] * len(particles))])
    if u[0] < _OPENER_RATE:
        parts.insert(0, lang.openers[int(u[1] * len(lang.openers))])
    if u[2] < _CLOSER_RATE:
        parts[-1] += "."
        parts.append(lang.closers[int(u[3] * len(lang.closers))])
    return " ".join(parts)
