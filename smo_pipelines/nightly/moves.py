"""The record of which model an area uses: append-only, in the store, one entry a move."""

from dataclasses import asdict, replace
from typing import Any

from smo_pipelines.domain.classifiers import ClassifierConfig
from smo_pipelines.domain.promotion import AliasMove, AliasName, Candidate, GateCheck
from smo_pipelines.store import ResultStore, StoredResult

__all__ = ["append_move", "areas_with_moves", "moves_of"]

_KIND = "alias-moves"


def moves_of(store: ResultStore, area: str) -> tuple[AliasMove, ...]:
    """Return the moves of an area, in the order in which they were made."""
    found: list[AliasMove] = []
    while (entry := store.find(_KIND, _key(area, len(found)))) is not None:
        found.append(_move(entry))
    return tuple(found)


def areas_with_moves(store: ResultStore) -> tuple[str, ...]:
    """Return the areas that have a move, in order of name."""
    return tuple(sorted({str(entry.meta["area"]) for entry in store.entries(_KIND)}))


def append_move(store: ResultStore, move: AliasMove) -> AliasMove:
    """Add a move after those that are there, and return it with its number; nothing is ever written over.

    The caller holds the area's lock.
    """
    numbered = replace(move, number=len(moves_of(store, move.area)))
    meta = asdict(numbered) | {"to": numbered.to.value}
    return _move(store.put(_KIND, _key(move.area, numbered.number), meta=meta))


def _key(area: str, number: int) -> str:
    return f"{area}.{number:06d}"


def _move(entry: StoredResult) -> AliasMove:
    meta: dict[str, Any] = dict(entry.meta)
    candidate = dict(meta.pop("candidate"))
    return AliasMove(
        **meta
        | {
            "to": AliasName(meta["to"]),
            "candidate": Candidate(
                **candidate | {"config": ClassifierConfig.from_json(candidate["config"]), "labels": tuple(candidate["labels"])}
            ),
            "checks": tuple(GateCheck(**check) for check in meta["checks"]),
            "baselines": tuple((plan, digest) for plan, digest in meta["baselines"]),
        }
    )
