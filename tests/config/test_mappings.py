from smo_pipelines.config.mappings import with_label_set
from smo_pipelines.domain.guidelines import GuidelineVersion

HATE = GuidelineVersion(id="hate@4", question="hate", labels=("benign", "violating"), positive="violating", clauses=())


def test_rows_under_one_known_guideline_may_hold_its_labels_only():
    options = with_label_set({"project": "p", "constants": {"guideline": "hate@4"}}, {"hate@4": HATE})
    assert options["labels"] == ["benign", "violating"]


def test_a_label_set_that_is_written_goes_before_the_guideline_s():
    options = {"constants": {"guideline": "hate@4"}, "labels": ["benign"]}
    assert with_label_set(options, {"hate@4": HATE}) == options


def test_nothing_is_known_of_other_guidelines():
    for options in ({"project": "p"}, {"constants": {"guideline": "old@1"}}, {"constants": "no mapping"}):
        assert with_label_set(options, {"hate@4": HATE}) == options


def test_each_question_of_a_row_may_have_its_own_guideline():
    questions = {"hate": {"label": "is_hate", "guideline": "hate@4"}, "spam": {"label": "is_spam", "guideline": "spam@1"}, "x": "x"}
    assert with_label_set({"questions": questions}, {"hate@4": HATE})["labels"] == {"hate@4": ["benign", "violating"]}
