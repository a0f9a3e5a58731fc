from dataclasses import replace

from smo_pipelines.analysis.change_digest import digest_of_changes
from smo_pipelines.domain.decisions import Verdict
from smo_pipelines.report.change_digest import digest_forest, digest_png, digest_sentences, render_digest
from tests.examples.changes import decided, example_digest

ATTACK = "<script>alert('x')</script>\"><img src=x onerror=y>{{ 7 * 7 }}"


def test_the_sentences_come_first() -> None:
    digest = example_digest()
    sentences = digest_sentences(digest)
    assert sentences == (
        "6 changes are decided: 2 ship, 1 roll back, 3 inconclusive (1 earlier version superseded).",
        "Of 6 decisions that could have shipped, 3 did; if none of these changes gained anything, 0.15 false ships would be expected at most.",
        "Read together (Benjamini-Hochberg at 10%), every ship in force stands.",
        "1 of 2 A/A tests, where nothing was changed, found an effect (interval of the share 9 to 91%; about 5% should).",
    )
    page = render_digest(digest)
    assert f"<h1>{sentences[0]}</h1>" in page
    assert page.index(sentences[0]) < page.index('class="plot"') < page.index("<table")


def test_the_plot_shows_every_change_in_order_of_time_and_no_null_test() -> None:
    forest = digest_forest(example_digest())
    assert forest is not None
    dates = [row.label[:10] for row in forest.rows]
    assert dates == sorted(dates) and len(dates) == 7
    assert not [row for row in forest.rows if "OC-0000" in row.label]
    superseded = [row.label for row in forest.rows if "superseded" in row.label]
    assert superseded == ["2026-04-01 ✓ Ship, superseded · OC-0045 (slurs): reclaimed slurs"]
    (missing,) = [row for row in forest.rows if row.mark is None]
    assert missing.value == "could not be computed"
    assert digest_png(example_digest()).startswith(b"\x89PNG")


def test_what_people_wrote_is_text_and_the_page_asks_nothing_of_the_network() -> None:
    change = decided("bad", 0.03, 0.01, 0.001, Verdict.ship, what=ATTACK, owner=ATTACK, change_id=ATTACK)
    page = render_digest(digest_of_changes([change], ()))
    assert "<script" not in page and "<img" not in page and "49" not in page.split("</style>")[1]
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page and "http" not in page.replace("http-equiv", "")


def test_the_formula_of_false_ships_and_its_estimand_are_on_the_page() -> None:
    page = render_digest(example_digest())
    assert "the sum, over the 6 decided versions that could have shipped, of half of each one's error rate" in page
    assert "does not say which may be false" in page


def test_one_change_that_could_not_be_estimated_is_a_page_too() -> None:
    change = replace(decided("bad", 0.0, 0.01, 1.0, Verdict.inconclusive), effect=None, price=None)
    digest = digest_of_changes([change], ())
    assert digest_forest(digest) is None
    assert digest_sentences(digest) == ("1 change is decided: 1 inconclusive.",)
    page = render_digest(digest)
    assert "No change that could ship has been decided." in page and "not recorded" in page


def test_the_same_digest_gives_the_same_page() -> None:
    assert render_digest(example_digest()) == render_digest(example_digest())
