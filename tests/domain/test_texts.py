import sys
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smo_pipelines.domain.texts import mask, normalise, text_digest

ENTITIES = ["&amp;", "&lt;", "&#8220;", "&", "lt", ";"]
SIGNS = ["@me", "http://", "www.", "\u200d", "\u0301", "\u0345", "\ufe0f", "ß", "İ", "ﬁ", "😀"]
NOISY = st.lists(st.one_of(st.sampled_from(ENTITIES + SIGNS), st.text(max_size=4))).map("".join)


@given(NOISY)
@example("a\u200d\u0301")
@example("\uff06amp;lt;")
@example("&amp;amp;amp;")
def test_a_normal_form_is_a_fixed_point(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once


def test_every_character_reaches_its_normal_form_at_once() -> None:
    assigned = (chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) not in ("Cn", "Co", "Cs"))
    words = [normalise(f"a{char}b") for char in assigned]
    assert [word for word in words if normalise(word) != word] == []


@pytest.mark.parametrize(
    ("copy", "original"),
    [
        ("These  People,\tare FINE...", "these people are fine"),
        ("&quot;fish &amp;amp; chips&quot;", '"fish & chips"'),
        ("w\u200bo\u00adrd", "word"),
        ("\uff26\uff35\uff2c\uff2c width", "full width"),
        ("STRASSE", "straße"),
        ("cafe\u0301", "café"),
        ("hi @Some_One see https://t.co/Abc1", "hi @USER see [URL]"),
        ("hi <user>, see www.example.org/x", "hi @other see http://example.org"),
        ("great ❤\ufe0f", "great ❤"),
    ],
)
def test_copies_share_a_name(copy: str, original: str) -> None:
    assert normalise(copy) == normalise(original)
    assert text_digest(copy) == text_digest(original)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("they are fine", "they are not fine"),
        ("good 👍", "good 👎"),
        ("!!!", "???"),
        ("हिंदी", "हदी"),  # the same consonants: vowel signs are marks, and must not be dropped as punctuation is
        ("h8 this", "hate this"),
        ("me at work", "@me at work"),
    ],
)
def test_different_texts_have_different_names(one: str, other: str) -> None:
    assert text_digest(one) != text_digest(other)


def test_a_text_of_no_words_has_an_empty_form_and_still_a_name() -> None:
    assert normalise(" ...! ") == ""
    assert text_digest("...!") == text_digest(" ...! ")
    assert len(text_digest("\ud800")) == 64


@given(st.text(alphabet="abcdef ", min_size=1))
def test_a_mask_tells_size_and_nothing_else(text: str) -> None:
    assert mask(text) == mask("".join("x" if char != " " else " " for char in text))
    assert len(text_digest(text)) == 64
