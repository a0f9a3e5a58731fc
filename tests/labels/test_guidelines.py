from smo_pipelines.domain.guidelines import Clause, ClauseChange, ClauseEdit, GuidelineVersion
from smo_pipelines.labels.guidelines import clause_edits


def version(*clauses):
    made = tuple(Clause(id=name, title=title, text=text) for name, title, text in clauses)
    return GuidelineVersion(id="hate@1", question="hate", labels=("0", "1"), positive="1", clauses=made)


def test_what_was_added_edited_renamed_and_removed():
    old = version(("1", "Slurs", "flag"), ("2", "Quotes", "flag"), ("3", "Satire", "allow"), ("5", "Old", "gone"))
    new = version(("4", "Reclaimed", "allow"), ("3", "Humour", "allow"), ("2", "Quotes", "allow"), ("1", "Slurs", "flag"))
    assert clause_edits(old, new) == (
        ClauseEdit(id="4", change=ClauseChange.added, before="", after="allow"),
        ClauseEdit(id="3", change=ClauseChange.edited, before="Satire: allow", after="Humour: allow"),
        ClauseEdit(id="2", change=ClauseChange.edited, before="flag", after="allow"),
        ClauseEdit(id="5", change=ClauseChange.removed, before="gone", after=""),
    )


def test_nothing_changed():
    old = version(("1", "Slurs", "flag"), ("2", "Quotes", "flag"))
    assert clause_edits(old, version(("2", "Quotes", "flag"), ("1", "Slurs", "flag"))) == ()
