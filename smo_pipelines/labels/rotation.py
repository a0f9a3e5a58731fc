"""A new key for the pseudonyms: raters are renamed by a table of old and new names, and no rating is written again.

Files keep the names they were written with; the views put today's names in their place. The table says which old name is which new
one and when that was decided: nothing in it leads to a raw id or a key.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from smo_pipelines.errors import LabelError, UnknownName
from smo_pipelines.labels.pseudonyms import RotationKeys, pseudonym

if TYPE_CHECKING:
    from smo_pipelines.labels.tables import LabelTables
    from smo_pipelines.labels.views import LabelViews

__all__ = ["Renaming", "RotationReceipt", "names_now", "rotate_pseudonyms", "under_known_names"]

_EVERYBODY = """
select rater_id from raters union select rater_id from ratings
union select reviewer_id from ratings where reviewer_id is not null
"""

# A rating that its rater's name went into the id of is found again by who rated what under what, and when or in which round. Only
# ids of that make are looked at (they cover the item too). Where that names several ratings, they are told apart by their labels, and counted.
_GENERATED = "regexp_full_match(rating_id, '[0-9a-f]{32}')"
_SAME = "item_id, rater_id, question, guideline, instrument, moment"
_MOMENT = "coalesce(epoch_us(created_at)::varchar, round::varchar, '')"
_PLACED = f"""
select *, count(*) over (partition by {_SAME}) as n, row_number() over (partition by {_SAME}, label, skipped order by rating_id) as place
from {{rows}}
"""  # noqa: S608 -- constants of this file
_UNKNOWN = f"""
create or replace temp table unknown_ratings as
select item_id, rating_id, any_value(coalesce(o.now, rater_id)) as rater_id, any_value(rater_id) as given,
    any_value(question) as question, any_value(guideline) as guideline, any_value(instrument) as instrument, any_value({_MOMENT}) as moment,
    min(label) as label, min(skipped) as skipped
from renamed_ratings b left join renamed o on o.name = b.rater_id
anti join all_ratings using (item_id, rating_id)
where {_GENERATED} and (o.now is not null or b.rater_id in (select now from renamed))
group by item_id, rating_id
"""  # noqa: S608 -- constants of this file
_KNOWN = f"""
create or replace temp table known_ratings as
select * exclude (stored) from (
    select r.item_id, r.rating_id, coalesce(o.now, r.rater_id) as rater_id, r.question, r.guideline, r.instrument, {_MOMENT} as moment, r.label,
        r.skipped, r.rater_id as stored
    from stored_ratings r left join renamed o on o.name = r.rater_id
    where r.item_id in (select item_id from unknown_ratings) and {_GENERATED}
    qualify row_number() over (partition by r.item_id, r.rating_id order by r.imported_at desc, r.label desc, r.skipped, r.review desc) = 1
) k
anti join renamed_ratings using (item_id, rating_id)
where exists (select 1 from unknown_ratings u where u.item_id = k.item_id and u.rater_id = k.rater_id and u.given <> k.stored)
"""  # noqa: S608 -- constants of this file
_SAME_RATING = f"""
select u.rating_id, k.rating_id as known
from ({_PLACED.format(rows="unknown_ratings")}) u join ({_PLACED.format(rows="known_ratings")}) k
    on u.item_id = k.item_id and u.rater_id = k.rater_id and u.question = k.question and u.guideline is not distinct from k.guideline
    and u.instrument is not distinct from k.instrument and u.moment = k.moment
    and ((u.n = 1 and k.n = 1)
        or (u.label is not distinct from k.label and u.skipped is not distinct from k.skipped and u.place = k.place))
"""  # noqa: S608 -- constants of this file


class Renaming(NamedTuple):
    """One rater of one project got a new name at a moment."""

    project: str
    old: str
    new: str
    rotated_at: datetime


@dataclass(frozen=True, kw_only=True)
class RotationReceipt:
    """What one rotation did.

    Attributes
    ----------
    renamed : int
        Raters and reviewers who have a new name from now on.
    already : int
        Those of the ids whose raters were under their new names before.
    joined : int
        Of the renamed those whose new name had ratings already: two names that are one rater from now on.
    strangers : int
        Ids of which the project has no rater.
    unknown : int
        Raters and reviewers of whom no raw id was given; they keep their names.
    """

    renamed: int
    already: int
    joined: int
    strangers: int
    unknown: int


def names_now(renamings: Iterable[Renaming], *, seen: Set[str] = frozenset(), as_of: datetime | None = None) -> dict[str, str]:
    """Return the present name of every rater of one project who was renamed, by each name of theirs that is not the present one.

    Rotations follow one another, and a later one renames whoever bears the old name by then.

    Parameters
    ----------
    renamings : iterable of Renaming
        Of one project.
    seen : set of str
        The raters, by the names in the files, of whom something had been imported by ``as_of``.
    as_of : datetime or None
        A moment that is looked back at. Two names that were two raters then stay two where a later rotation made them one, so that
        what is computed as of then stays what it was.
    """
    now: dict[str, str] = {}
    ordered = sorted(renamings, key=lambda one: (one.rotated_at, one.old))
    for rotated_at, group in groupby(ordered, key=lambda one: one.rotated_at):
        step = {one.old: one.new for one in group}
        if as_of is not None and rotated_at > as_of:
            held = {now.get(name, name) for name in seen}
            step = {old: new for old, new in step.items() if old not in held or new not in held}
        present = {name: now.get(name, name) for name in {**now, **step}}
        now = {name: step.get(held_now, held_now) for name, held_now in present.items()}
    return {name: new for name, new in now.items() if name != new}


def rotate_pseudonyms(
    tables: "LabelTables",
    project: str,
    raw_ids: Sequence[str],
    keys: RotationKeys,
    *,
    rotated_at: datetime,
    keep_unknown: bool = False,
) -> RotationReceipt:
    """Give a project's raters the names that a new key makes of their raw ids: all of them or none, and once however often asked.

    Parameters
    ----------
    raw_ids : sequence of str
        As the exports had them. An e-mail address is also tried in lower case, as importers read it.
    rotated_at : datetime
        The moment, with its zone.
    keep_unknown : bool
        Leave the raters of whom no raw id is given under the names that the old key made.

    Raises
    ------
    UnknownName
        When there is no such project.
    LabelError
        When no id, or not every rater's id, is given.
    """
    known = tables.projects()
    if project not in known:
        raise UnknownName("project", project, known)
    made = {raw: (pseudonym(keys.old, project, raw), pseudonym(keys.new, project, raw)) for raw in _spellings(raw_ids)}
    receipts: list[RotationReceipt] = []

    def decide(views: "LabelViews") -> Mapping[str, str]:
        steps, receipt = _decided(views, project, made, {raw.strip() for raw in raw_ids} - {""})
        if receipt.unknown and not keep_unknown:
            raise LabelError(
                f"{receipt.unknown} raters and reviewers of project {project!r} have no raw id among the {len(set(raw_ids))} given, and "
                f"nobody was renamed; add their ids as the exports have them, or leave them under the old key's names with --keep-unknown"
            )
        receipts.append(receipt)
        return steps

    tables.rename_raters(project, decide, rotated_at=rotated_at)
    return receipts[0]


def _spellings(raw_ids: Iterable[str]) -> set[str]:
    stripped = {raw.strip() for raw in raw_ids} - {""}
    return stripped | {raw.lower() for raw in stripped if "@" in raw}


def _decided(
    views: "LabelViews", project: str, made: Mapping[str, tuple[str, str]], given: Set[str]
) -> tuple[dict[str, str], RotationReceipt]:
    """Return who gets which name, and what that comes to."""
    everybody = {name for (name,) in views.rows(_EVERYBODY)}
    # Whoever was renamed since is no longer under the old name, so an old rotation that is run again finds nobody.
    steps = {old: new for old, new in made.values() if old in everybody}
    formerly = set(views.names_now)
    found = {raw for raw, (old, new) in made.items() if old in everybody or new in everybody or {old, new} & formerly}
    if not found:
        raise LabelError(
            f"none of the {len(given)} raw ids names a rater of project {project!r} under the old key or the new one; give the key that "
            "the imports were made with in SMO_RATER_KEY_OLD, and the ids as the exports have them"
        )
    covered = {views.names_now.get(name, name) for pair in made.values() for name in pair}
    return steps, RotationReceipt(
        renamed=len(steps),
        already=sum(new in everybody and old not in everybody for old, new in made.values()),
        joined=sum(new in everybody for new in steps.values()),
        strangers=sum(not {raw, raw.lower()} & found for raw in given),
        unknown=len(everybody - covered),
    )


def under_known_names(views: "LabelViews", ratings: pa.Table, raters: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return a batch's ratings and raters under today's names, each rating under the id that it is known by.

    An id that was made of a rating's content has the rater's name in it, so another key makes another id of the same rating. Such a
    rating is known by the rater, item, question, guideline, instrument and moment (the round where there is none). Without a rotation
    both tables come back as they are.

    Returns
    -------
    ratings, raters : pyarrow.Table
    """
    if not views.names_now:
        return ratings, raters
    views.lend("renamed_ratings", ratings)
    views.run(_UNKNOWN)
    views.run(_KNOWN)
    known = dict(views.rows(_SAME_RATING))
    ratings = _replaced(ratings, "rating_id", known)
    for name in ("rater_id", "reviewer_id"):
        ratings = _replaced(ratings, name, views.names_now)
    raters = _replaced(raters, "rater_id", views.names_now)
    first = {name: place for place, name in reversed(list(enumerate(raters["rater_id"].to_pylist())))}
    return ratings, raters.take(pa.array(sorted(first.values()), pa.int64()))


def _replaced(table: pa.Table, name: str, by: Mapping[str, str]) -> pa.Table:
    """Replace the values of a column that a mapping knows."""
    if not by:
        return table
    place = pc.index_in(table[name], pa.array(list(by), pa.string()))
    column = pc.coalesce(pc.take(pa.array(list(by.values()), pa.string()), place), table[name])
    return table.set_column(table.schema.get_field_index(name), table.schema.field(name), column)
