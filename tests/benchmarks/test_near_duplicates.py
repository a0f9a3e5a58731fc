import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smo_pipelines.benchmarks.near_duplicates import FEWEST_SHINGLES, bare_words, nearest_similarity, shingles

WORDS = [
    "amber",
    "bridge",
    "choir",
    "dusty",
    "engine",
    "forest",
    "garden",
    "harbour",
    "island",
    "jacket",
    "kettle",
    "lantern",
    "meadow",
    "nickel",
    "orchard",
    "pepper",
]

sentences = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(" ".join)
noise = st.sampled_from(
    ["", " ", "\n\t", "... ", " !? ", " -- ", " @someone ", " https://example.org/a?b=1 ", " RT @a_b: ", "\u200b "]
)


@st.composite
def perturbed(draw):
    """A sentence, and the same words as someone else would post them."""
    sentence = draw(sentences)
    parts = [draw(noise)]
    for word in sentence.split():
        change = draw(st.sampled_from([str.upper, str.title, str.lower]))
        parts += [change(word), " ", draw(noise)]
    return sentence, "".join(parts)


@given(perturbed())
def test_case_space_punctuation_mentions_and_links_change_nothing(pair):
    sentence, copy = pair
    assert nearest_similarity([copy], [[sentence]]).tolist() == [[1.0]]


@given(st.lists(sentences, min_size=1, max_size=8), st.lists(sentences, max_size=8), st.lists(sentences, max_size=5))
def test_every_pair_has_its_jaccard_similarity(texts, first, second):
    def slow(one, other):
        a, b = shingles(bare_words(one)), shingles(bare_words(other))
        if bare_words(one) == bare_words(other):
            return 1.0
        return len(a & b) / len(a | b) if min(len(a), len(b)) >= FEWEST_SHINGLES else 0.0

    expected = [[max((slow(text, other) for other in group), default=0.0) for group in (first, second)] for text in texts]
    np.testing.assert_allclose(nearest_similarity(texts, [first, second]), expected, rtol=0, atol=1e-15)


@given(st.lists(sentences, min_size=2, max_size=8), st.lists(sentences, min_size=1, max_size=8), st.randoms())
def test_neither_order_changes_a_bit(texts, group, random):
    shuffled, turned = random.sample(range(len(texts)), len(texts)), random.sample(group, len(group))
    plain = nearest_similarity(texts, [group])
    assert np.array_equal(nearest_similarity([texts[i] for i in shuffled], [turned]), plain[shuffled])


def test_a_text_with_other_letters_has_nothing_in_common():
    assert nearest_similarity(["abcdefghijklmnopqrstuvwxyz"], [["zyxwvutsrqponmlkjihgfedcba"]]).tolist() == [[0.0]]


def test_one_word_of_a_short_text_makes_another_text():
    # 14 and 15 characters' sequences; by hand: 18 characters give 14 shingles of 5
    short, long = "abcdefghijklmnopqr", "abcdefghijklmnopqrs"
    assert nearest_similarity([short], [[long]]).tolist() == [[0.0]]
    assert nearest_similarity([long], [[long + "t"]]).tolist() == [[15 / 16]]


@pytest.mark.parametrize("text", ["", "   ", "???", "@a @b", "https://example.org"])
def test_texts_without_words_are_like_nothing(text):
    assert nearest_similarity([text, "x"], [[text], []]).tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_scripts_without_spaces_and_pictures_are_compared_too():
    thai = "ร้านนี้อาหารอร่อยมากและพนักงานบริการดีครับ"  # "this shop's food is delicious and the staff are kind"
    assert nearest_similarity([thai + "!!"], [[f"@a {thai}"]]).tolist() == [[1.0]]
    assert nearest_similarity(["\U0001f600\U0001f680"], [["\U0001f600\U0001f680 @a"]]).tolist() == [[1.0]]


def test_more_texts_than_a_chunk_are_compared():
    texts = [f"{WORDS[i % 16]} {WORDS[i % 13]} {WORDS[i % 11]} {i}" for i in range(5000)]
    nearest = nearest_similarity(texts, [[texts[0], texts[2047], texts[2048], texts[4999]]])
    assert np.flatnonzero(nearest[:, 0] == 1.0).tolist() == [0, 2047, 2048, 4999]
