import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.classifiers.saved import LOADER, load_folder, write_folder
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.domain.promotion import AliasName
from smo_pipelines.errors import ClassifierError, TrackingError
from smo_pipelines.tracking.mlflow_backend import MlflowTracker, TrackedRun
from smo_pipelines.tracking.models import log_folder
from smo_pipelines.tracking.registry import ModelRegistry
from tests.examples.mlflow_at import mlflow_at
from tests.examples.records import example_record

TEXTS = [f"{'the soup' if i % 3 else 'this choir'} was {'vile' if i % 2 else 'lovely'} on day {i}" for i in range(32)]
CHAMPION, CHALLENGER, PREVIOUS = AliasName.champion, AliasName.challenger, AliasName.previous_champion


def fit_small() -> tuple[ClassifierConfig, api.Fitted]:
    config = ClassifierConfig(name="tiny", kind=ClassifierKind.tfidf, ngrams=(2, 3))
    labels, ids = np.arange(len(TEXTS)) % 2, np.array([f"i{k:02d}" for k in range(len(TEXTS))])
    training = TrainingSet(item_ids=ids, texts=np.array(TEXTS, dtype=object), labels=labels, dev=np.arange(len(TEXTS)) % 8 >= 6)
    return config, api.fit(config, training, seed=0, cache_dir=Path("unused"))


def log_small(tracker: MlflowTracker, folder: Path, name: str) -> tuple[TrackedRun, str, api.Fitted]:
    config, fitted = fit_small()
    saved = write_folder(config, fitted.files(), folder / name)
    run = tracker.plan(example_record().experiment)
    return run, log_folder(tracker, run, saved, name=name, facts={"smo.fit": name}, loader=LOADER), fitted


def check_promotions(tracker: MlflowTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    registry = ModelRegistry(tracker, "hate")
    assert (registry.versions(), registry.aliases()) == ({}, {})
    run, address, fitted = log_small(tracker, tmp_path, "first")
    first = registry.add("fit-1", address, run, {"gate": "pass", "smo.change_id": "OC-0042"})
    assert registry.add("fit-1", address, run, {"gate": "other"}) == first, "a fit is one version"
    second = registry.add("fit-2", address, run, {"gate": "fail"})
    assert (first.version, second.version) == ("1", "2")

    assert registry.point({CHAMPION: "fit-1", CHALLENGER: "fit-2"}, {}, move=0).aliases == {CHAMPION: "1", CHALLENGER: "2"}
    moved = registry.point({CHAMPION: "fit-2", PREVIOUS: "fit-1"}, {CHAMPION: "fit-1", CHALLENGER: "fit-2"}, move=1)
    assert moved.aliases == {CHAMPION: "2", PREVIOUS: "1"} and moved.put_back == ()
    with tracker.session() as client:
        client.set_registered_model_alias(registry.name, "champion", "1")
        client.set_registered_model_alias(registry.name, "shadow", "1")
    wanted = {CHAMPION: "fit-2", PREVIOUS: "fit-1"}
    restored = registry.point(wanted, {CHAMPION: "fit-1", CHALLENGER: "fit-2"}, move=1)
    assert restored.put_back == ("champion pointed at version 1, where somebody else had put it",)
    assert registry.aliases() == {"champion": "2", "previous-champion": "1", "shadow": "1"}

    registry.tag("fit-2", {"smo.baseline": "b" * 64, "empty": ""})
    tags = registry.versions()["fit-2"].tags
    assert tags["smo.baseline"] == "b" * 64 and tags["gate"] == "fail" and "empty" not in tags
    for call in (lambda: registry.tag("fit-9", {}), lambda: registry.point({CHAMPION: "fit-9"}, {}, move=2)):
        with pytest.raises(TrackingError, match="no version of the fit fit-9"):
            call()
    assert registry.aliases()["champion"] == "2"
    np.testing.assert_array_equal(scores_of(tracker, "models:/smo-hate-clf@champion"), fitted.score(TEXTS))


def scores_of(tracker: MlflowTracker, address: str) -> Any:
    import mlflow

    with mlflow_at(tracker.uri):
        return mlflow.pyfunc.load_model(address).predict(TEXTS)["score"].to_numpy()


@pytest.mark.filterwarnings("ignore")  # of libraries that MLflow loads
def test_aliases_move_and_the_champion_is_loaded_from_a_sqlite_tracker_without_pickles(
    tracker: MlflowTracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_promotions(tracker, tmp_path / "fits", monkeypatch)
    kept = [name for _, _, names in os.walk(tmp_path / "mlartifacts") for name in names]
    assert "weights.safetensors" in kept and not [name for name in kept if name.endswith((".pkl", ".bin", ".pt", ".joblib"))]


@pytest.mark.filterwarnings("ignore")
def test_aliases_move_and_the_champion_is_loaded_from_a_server(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check_promotions(MlflowTracker(server), tmp_path / "fits", monkeypatch)


def test_a_saved_folder_is_new_and_whole(tmp_path: Path) -> None:
    config, fitted = fit_small()
    folder = write_folder(config, fitted.files(), tmp_path / "one")
    np.testing.assert_array_equal(load_folder(folder, tmp_path).score(TEXTS), fitted.score(TEXTS))
    with pytest.raises(ClassifierError, match="is there already"):
        write_folder(config, fitted.files(), folder)
    (folder / "weights.safetensors").write_bytes((folder / "weights.safetensors").read_bytes()[:-20])
    with pytest.raises(ClassifierError, match="not whole"):
        load_folder(folder, tmp_path)
    with pytest.raises(ClassifierError, match="copy the folder whole"):
        load_folder(tmp_path / "none", tmp_path)
