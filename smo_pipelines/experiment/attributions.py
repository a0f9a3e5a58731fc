"""Splits of experiments in the store: one entry a partition, read by the report of every later run."""

import json
from typing import Any

from smo_pipelines.domain.attribution import (
    Attribution,
    CauseVerdict,
    Contrast,
    HeadAgreement,
    Partition,
    Player,
    Share,
    Split,
)
from smo_pipelines.domain.digests import canonical_json, digest_of
from smo_pipelines.domain.effects import Direction, Interval, NotEstimable
from smo_pipelines.domain.experiments import Experiment
from smo_pipelines.experiment.decision_json import not_estimable_from_json, question_from_json
from smo_pipelines.store import ResultStore

__all__ = ["attribution_from_json", "find_attribution", "keep_attribution", "known_attributions"]

_KIND = "attributions"
_CODE = "1"
"""Part of every entry's key: raise it when the same fits would be split otherwise."""


def keep_attribution(store: ResultStore, experiment: Experiment, head: str, attribution: Attribution) -> None:
    """Store the split of an experiment by one partition; of two heads the later is kept.

    Parameters
    ----------
    head : str
        What the fits were made by: a digest of the fast head and its backbone.
    """
    meta = {"experiment": experiment.id, "partition": str(attribution.partition), "head": head}
    key, files = _key(experiment, attribution.partition), {"attribution.json": canonical_json(attribution).encode()}
    store.put(_KIND, key, meta=meta, files=files, replace=True)


def find_attribution(
    store: ResultStore, experiment: Experiment, partition: Partition, head: str | None = None
) -> Attribution | None:
    """Return the split of an experiment by one partition, by a certain head where one is given; None where there is none."""
    entry = store.find(_KIND, _key(experiment, partition))
    if entry is None or (head is not None and entry.meta["head"] != head):
        return None
    return attribution_from_json(entry.read("attribution.json").decode())


def known_attributions(store: ResultStore, experiment: Experiment) -> tuple[Attribution, ...]:
    """Return every split of an experiment that is in the store, in order of partition."""
    found = (find_attribution(store, experiment, partition) for partition in Partition)
    return tuple(attribution for attribution in found if attribution is not None)


def _key(experiment: Experiment, partition: Partition) -> str:
    return digest_of({"stage": f"attribution/{_CODE}", "experiment": experiment.spec_hash, "partition": partition})


def attribution_from_json(text: str) -> Attribution:
    """Return the split in a text that was made by :func:`~smo_pipelines.domain.digests.canonical_json`."""
    values = json.loads(text)
    agreement, refused = values.pop("agreement"), values.pop("refused")
    players = tuple(Player(**{**player, "members": tuple(player["members"])}) for player in values.pop("players"))
    return Attribution(
        partition=Partition(values.pop("partition")),
        agreement=None if agreement is None else HeadAgreement(**agreement),
        players=players,
        splits=tuple(_split(split) for split in values.pop("splits")),
        refused=None if refused is None else not_estimable_from_json(refused),
        **values,
    )


def _split(values: dict[str, Any]) -> Split | NotEstimable:
    if "code" in values:
        return not_estimable_from_json(values)
    return Split(
        question=question_from_json(values["question"]),
        direction=Direction(values["direction"]),
        control=values["control"],
        treatment=values["treatment"],
        change=_contrast(values["change"]),
        fine_tuned=None if values["fine_tuned"] is None else _contrast(values["fine_tuned"]),
        shares=tuple(_share(share) for share in values["shares"]),
    )


def _share(values: dict[str, Any]) -> Share:
    typed = {name: _contrast(values[name]) for name in ("shapley", "first_in", "swap_back")}
    return Share(**{**values, **typed, "verdict": CauseVerdict(values["verdict"])})


def _contrast(values: dict[str, Any]) -> Contrast:
    interval = values["interval"]
    return Contrast(estimate=values["estimate"], interval=None if interval is None else Interval(**interval))
