"""What changed between two versions of a guideline."""

from smo_pipelines.domain.guidelines import ClauseChange, ClauseEdit, GuidelineVersion

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
            edits.append(ClauseEdit(id=clause.id, change=ClauseChange.added, before="", after=clause.text))
        elif known.title != clause.title:
            texts = {"before": f"{known.title}: {known.text}", "after": f"{clause.title}: {clause.text}"}
            edits.append(ClauseEdit(id=clause.id, change=ClauseChange.edited, **texts))
        elif known.text != clause.text:
            edits.append(ClauseEdit(id=clause.id, change=ClauseChange.edited, before=known.text, after=clause.text))
    dropped = [clause for clause in old.clauses if clause.id not in after]
    edits += [ClauseEdit(id=clause.id, change=ClauseChange.removed, before=clause.text, after="") for clause in dropped]
    return tuple(edits)
