"""What changed between two versions of a guideline."""

from smo_pipelines.domain.guidelines import Clause, ClauseChange, ClauseEdit, GuidelineVersion

__all__ = ["clause_edits"]


def clause_edits(old: GuidelineVersion, new: GuidelineVersion) -> tuple[ClauseEdit, ...]:
    """Return the clauses that differ, in the new version's order, then those that it dropped, in the old one's.

    A clause is known by its id. A new title or text is an edit; a new place is not. ``before`` and ``after`` hold the text, with
    the title in front where the title changed.
    """
    before = {clause.id: clause for clause in old.clauses}
    after = {clause.id: clause for clause in new.clauses}
    edits = []
    for clause in new.clauses:
        known = before.get(clause.id)
        if known is None:
            edits.append(_edit(ClauseChange.added, clause, new, before="", after=clause.text))
        elif known.title != clause.title:
            texts = (f"{known.title}: {known.text}", f"{clause.title}: {clause.text}")
            edits.append(_edit(ClauseChange.edited, clause, new, before=texts[0], after=texts[1]))
        elif known.text != clause.text:
            edits.append(_edit(ClauseChange.edited, clause, new, before=known.text, after=clause.text))
    dropped = [clause for clause in old.clauses if clause.id not in after]
    # what a dropped clause gave to its items is no longer so, and nobody says what they become
    edits += [
        ClauseEdit(id=clause.id, change=ClauseChange.removed, before=clause.text, after="", items=clause.items)
        for clause in dropped
    ]
    return tuple(edits)


def _edit(change: ClauseChange, clause: Clause, version: GuidelineVersion, *, before: str, after: str) -> ClauseEdit:
    expects = None if clause.expects is None else clause.expects == version.positive
    return ClauseEdit(id=clause.id, change=change, before=before, after=after, items=clause.items, expects_positive=expects)
