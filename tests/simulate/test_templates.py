"""Texts: scripts, splits, length and mildness."""

import re
import unicodedata

import numpy as np
import pytest

from smo_pipelines.simulate import english
from smo_pipelines.simulate.items import draw_items
from smo_pipelines.simulate.markets import LATIN_LOCALES, MARKETS
from smo_pipelines.simulate.policy import CLAUSES, NO_CLAUSE, POLICIES, Form
from smo_pipelines.simulate.templates import LANGUAGES, MAX_WORDS, SPLITS, language

NAMES = ("group", "nick", "person", "firm")
SCRIPTS = {"hi-IN": "DEVANAGARI", "th-TH": "THAI"}


@pytest.fixture(scope="module")
def items():
    return {split: draw_items(5, split=split, count=3000, policies=POLICIES) for split in SPLITS}


def letters(text: str) -> list[str]:
    return [unicodedata.name(character).split()[0] for character in text if character.isalpha()]


def test_shares_of_markets_sum_to_one_and_two_thirds_are_english() -> None:
    assert sum(market.share for market in MARKETS) == pytest.approx(1.0)
    assert sum(market.share for market in MARKETS if market.language == "en") == pytest.approx(2 / 3, abs=0.01)


@pytest.mark.parametrize("locale", SCRIPTS)
def test_texts_outside_the_latin_script_hold_no_latin_letter(items, locale: str) -> None:
    texts = [item.text for split in SPLITS for item in items[split] if item.locale == locale]
    assert len(texts) > 200
    assert {script for text in texts for script in letters(text)} == {SCRIPTS[locale]}


def test_latin_locales_hold_latin_letters_only(items) -> None:
    texts = [item.text for split in SPLITS for item in items[split] if item.locale in LATIN_LOCALES]
    assert {script for text in texts for script in letters(text)} == {"LATIN"}


@pytest.mark.parametrize("code", LANGUAGES)
def test_every_template_holds_a_name_and_names_are_not_shared_between_splits(code: str) -> None:
    lang = language(code)
    for template in lang.templates:
        assert set(template.pieces[1::2]) & set(NAMES), template.id
    for slot in NAMES:
        train, benchmark = (set(lang.fillings.get((split, slot), ())) for split in SPLITS)
        assert not train & benchmark
        assert all(a not in b and b not in a for a in train for b in benchmark)  # so that no text can be built of either


@pytest.mark.parametrize("code", LANGUAGES)
def test_templates_are_partly_of_one_split_and_their_ids_are_unique(code: str) -> None:
    templates = language(code).templates
    assert len({template.id for template in templates}) == len(templates)
    assert {template.clause for template in templates} <= {
        NO_CLAUSE,
        *(clause for clauses in CLAUSES.values() for clause in clauses),
    }
    for policy in POLICIES:
        forms = {template.form for template in templates if template.policy == policy}
        assert {Form.breach, Form.lookalike, Form.plain} <= forms
    if code == "en":
        assert {template.splits for template in templates} == {("train",), ("benchmark",), SPLITS}


def test_no_text_is_shared_between_splits_or_used_twice(items) -> None:
    train, benchmark = ({item.text for item in items[split]} for split in SPLITS)
    assert not train & benchmark
    assert len(train) == len(benchmark) == 3000


def test_texts_fit_a_short_sequence_and_have_no_open_slot(items) -> None:
    for split in SPLITS:
        for item in items[split]:
            assert len(item.text.split()) <= MAX_WORDS
            assert not re.search(r"[{}\n]", item.text)
    assert np.mean([len(item.text.split()) >= 4 for item in items["train"] if item.locale in LATIN_LOCALES]) > 0.99


def test_every_english_slot_is_used_and_has_fillings_of_its_own_in_each_split() -> None:
    lang = language("en")
    used = {slot for template in lang.templates for slot in template.pieces[1::2]}
    assert used == set(english.SLOTS)
    for slot in used:
        train, benchmark = (set(lang.fillings[split, slot]) for split in SPLITS)
        assert train - benchmark
        assert benchmark - train


def test_wording_is_what_a_newspaper_could_print(items) -> None:
    """No real people, faith or nation is named, and nobody is killed, raped or shot: a guard for those who add templates."""
    people = (
        "muslims? islam jews? christians? hindus? buddhists? blacks? whites? asians? africans? mexicans? chinese indians? gays?"
    )
    deeds = r"rape|raped|rapist|suicide|(kill|shoot|murder) (him|her|them|you|yourself)"
    barred = re.compile(rf"\b({people.replace(' ', '|')}|{deeds})\b", re.IGNORECASE)
    assert not [item.template for split in SPLITS for item in items[split] if barred.search(item.text)]
