from pathlib import Path


def test_an_experiment_that_is_not_decided_has_nothing_to_explain(smo, project: Path) -> None:
    answer = smo("explain", "small")
    assert answer.code == 2
    assert "`smo run small` gives one" in " ".join(answer.err.split())


def test_what_a_change_can_be_split_by_is_said(smo, project: Path) -> None:
    answer = smo("explain", "small", "--by", "weekday")
    assert answer.code == 2
    for name in ("clauses", "locales", "raters", "recipe"):
        assert name in answer.err
