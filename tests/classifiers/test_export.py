import dataclasses
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from smo_pipelines.classifiers import api, encoder_cache, shard_files
from smo_pipelines.domain.classifiers import LowestLayer
from smo_pipelines.errors import ClassifierError, WeightsMismatch

LABELS = ("fine", "hateful")
FACTS = {"Guideline": "hate@4", "Training set": "`0123abcd`"}

# a process of its own: nothing but transformers, offline
SCORE = """
import json, sys
from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline
folder, texts = sys.argv[1], json.loads(sys.stdin.read())
model = AutoModelForSequenceClassification.from_pretrained(folder)
classify = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder), truncation=True)
both = [{one["label"]: one["score"] for one in found} for found in classify(texts, top_k=None)]
assert "smo_pipelines" not in sys.modules
print(json.dumps({"both": both, "top": [found["label"] for found in classify(texts)], "kind": type(model).__name__}))
"""


@pytest.fixture(scope="module")
def fitted(minilm_config, training, cache_dir):
    return api.fit(dataclasses.replace(minilm_config, epochs=5), training, seed=0, cache_dir=cache_dir)


@pytest.fixture(scope="module")
def exported(fitted, tmp_path_factory):
    return api.export(fitted, tmp_path_factory.mktemp("export") / "model", labels=LABELS, facts=FACTS)


def texts_of(training):
    return [*training.texts.tolist(), "", "\U0001f600\U0001f680", "one long text about a choir " * 40]


def test_transformers_alone_gives_the_same_scores_under_the_right_names(fitted, exported, training, tmp_path, monkeypatch):
    for module in (shard_files, encoder_cache):
        monkeypatch.setattr(module, "STORED", np.dtype(np.float32))
    unrounded = api.load(fitted.config, fitted.files(), tmp_path)
    unrounded.score(texts_of(training))
    monkeypatch.undo()
    texts = texts_of(training)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCORE, str(exported)],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    scores = fitted.score(texts)
    assert found["kind"] == "BertForSequenceClassification"
    # hidden states are kept in float16 here, which moves scores in the fifth decimal; without that rounding they are the same
    hateful = [both["hateful"] for both in found["both"]]
    np.testing.assert_allclose(hateful, scores, rtol=0, atol=5e-5)
    np.testing.assert_allclose(hateful, unrounded.score(texts), rtol=0, atol=1e-6)
    np.testing.assert_allclose([both["fine"] for both in found["both"]], 1 - np.array(hateful), rtol=0, atol=1e-6)
    assert found["top"] == [LABELS[int(score > 0.5)] for score in scores]
    assert min(scores) < 0.3 and max(scores) > 0.7


@pytest.mark.parametrize(
    "change",
    [{"lowest_layer": LowestLayer.whole}, {"lowest_layer": LowestLayer.feed_forward}, {"train_layers": 1}, {"train_layers": "all"}],
)
def test_every_depth_of_training_is_exported_whole(minilm_config, training, cache_dir, tmp_path, change):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer, pipeline

    fit = api.fit(dataclasses.replace(minilm_config, **change), training, seed=0, cache_dir=cache_dir)
    folder = api.export(fit, tmp_path / "model", labels=LABELS, facts={})
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    classify = pipeline("text-classification", model=model, tokenizer=AutoTokenizer.from_pretrained(folder))
    found = [{one["label"]: one["score"] for one in of}["hateful"] for of in classify(training.texts[:8].tolist(), top_k=None)]
    np.testing.assert_allclose(found, fit.score(training.texts[:8]), rtol=0, atol=2e-4)  # hidden states in float16, see above


def test_an_export_is_plain_files_and_a_card_that_names_where_it_comes_from(fitted, exported):
    names = sorted(path.name for path in exported.iterdir())
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"} <= set(names)
    assert not [name for name in names if name.endswith((".bin", ".pkl", ".pt"))]
    card = (exported / "README.md").read_text()
    for said in (f"{fitted.threshold:.4f}", fitted.cache.backbone.digest, "hate@4", "0123abcd", "## Limits", "`hateful`"):
        assert said in card
    assert json.loads((exported / "config.json").read_text())["id2label"] == {"0": "fine", "1": "hateful"}


def test_an_export_is_a_backbone_too(exported, minilm_config, training, cache_dir):
    config = dataclasses.replace(minilm_config, backbone=str(exported))
    assert len(api.fit(config, training, seed=0, cache_dir=cache_dir).score(["a choir"])) == 1


def test_nothing_is_written_over_and_nothing_half(fitted, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").write_text("mine")
    with pytest.raises(ClassifierError, match="is there already and is not empty"):
        api.export(fitted, tmp_path / "taken", labels=LABELS, facts={})
    for labels in (("one",), ("same", "same"), ("a", "b", "c")):
        with pytest.raises(ClassifierError, match="2 classes"):
            api.export(fitted, tmp_path / "new", labels=labels, facts={})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["taken"]


def test_a_linear_model_is_not_exported_and_the_sentence_says_what_instead(tfidf_config, training, tmp_path, cache_dir):
    fit = api.fit(tfidf_config, training, seed=0, cache_dir=cache_dir)
    with pytest.raises(ClassifierError, match="`smo classifier score` scores with it"):
        api.export(fit, tmp_path / "new", labels=LABELS, facts={})


@pytest.mark.parametrize("left", [0, 5, 8, 100, -1])
def test_weights_that_are_cut_short_are_one_sentence(fitted, exported, minilm_config, tmp_path, cache_dir, left):
    files = fitted.files()
    with pytest.raises(ClassifierError, match=r"weights\.safetensors of a fit of 'tiny' is not whole"):
        api.load(fitted.config, files | {"weights.safetensors": files["weights.safetensors"][:left]}, cache_dir)
    folder = tmp_path / "backbone"
    folder.mkdir()
    for path in exported.iterdir():
        content = path.read_bytes()
        (folder / path.name).write_bytes(content[:left] if path.name == "model.safetensors" else content)
    with pytest.raises(WeightsMismatch, match="is not whole"):
        api.identity(dataclasses.replace(minilm_config, backbone=str(folder)), cache_dir)


@pytest.mark.parametrize(
    "case",
    [
        ("config.json", b"{", "is no JSON"),
        ("config.json", b"[]", "JSON list"),
        ("config.json", None, "has no config.json"),
        ("tokenizer.json", b"\xff", "is no JSON"),
        ("tokenizer.json", b"{}", "is no tokenizer"),
        ("tokenizer.json", None, "has no tokenizer.json"),
    ],
)
def test_a_backbone_that_cannot_be_read_is_one_sentence(exported, minilm_config, tmp_path, cache_dir, case):
    name, content, said = case
    folder = tmp_path / "backbone"
    folder.mkdir()
    for path in exported.iterdir():
        if path.name != name:
            (folder / path.name).hardlink_to(path)
    if content is not None:
        (folder / name).write_bytes(content)
    with pytest.raises(ClassifierError, match=said):
        api.warm(dataclasses.replace(minilm_config, backbone=str(folder)), ["a"], cache_dir)


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors"])
@pytest.mark.parametrize("kind", ["tfidf", "minilm"])
def test_a_fit_without_a_file_or_with_another_in_its_place_is_refused(request, kind, name, training, cache_dir):
    config = request.getfixturevalue(f"{kind}_config")
    files = api.fit(config, training, seed=0, cache_dir=cache_dir).files()
    for broken in ({key: value for key, value in files.items() if key != name}, files | {name: b"neither"}):
        with pytest.raises(ClassifierError, match=f"{name}.* of a fit|no {name}"):
            api.load(config, broken, cache_dir)


def test_texts_of_any_size_and_kind_are_scored(fitted, training):
    # one million characters take less than a second to cut into tokens; all but the first 32 are dropped then
    odd = ["", "\U0001f600" * 5, "\ud83d half a character", "soup " * 200_000, "x" * 1_000_000, "\n\t", training.texts[0]]
    scores = fitted.score(odd)
    assert np.isfinite(scores).all() and ((scores >= 0) & (scores <= 1)).all()
    assert fitted.score(["soup " * 200_000])[0] == fitted.score(["soup " * 200])[0]
    assert scores[-1] == fitted.score([training.texts[0]])[0]
