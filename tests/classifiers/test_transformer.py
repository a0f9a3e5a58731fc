import dataclasses
import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.errors import ClassifierError

FIT = """
import hashlib, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from conftest import TINY, made_training
from smo_pipelines.classifiers import api
files = api.fit(TINY, made_training(48), seed=0, cache_dir=Path(sys.argv[1])).files()
print(hashlib.sha256(files["weights.safetensors"]).hexdigest())
"""


@pytest.fixture(scope="module")
def fitted(minilm_config, training, cache_dir):
    return api.fit(minilm_config, training, seed=0, cache_dir=cache_dir)


def digest(fit):
    return hashlib.sha256(fit.files()["weights.safetensors"]).hexdigest()


def test_repeats_byte_for_byte_alone_and_beside_another_process(fitted, minilm_config, training, cache_dir):
    command = [sys.executable, "-c", FIT, str(cache_dir), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as beside:
        again = api.fit(minilm_config, training, seed=0, cache_dir=cache_dir)
        printed, errors = beside.communicate(timeout=120)
    assert printed.strip() == digest(again) == digest(fitted), errors


def test_seeds_differ(fitted, minilm_config, training, cache_dir):
    other = api.fit(minilm_config, training, seed=1, cache_dir=cache_dir)
    assert not np.array_equal(other.score(training.texts), fitted.score(training.texts))


def test_learns_the_rule(minilm_config, training, cache_dir):
    fitted = api.fit(dataclasses.replace(minilm_config, epochs=5), training, seed=0, cache_dir=cache_dir)
    assert np.mean((fitted.score(training.texts) >= fitted.threshold) == training.labels) > 0.9


def test_a_score_depends_on_the_text_alone(fitted, training):
    texts = training.texts.tolist()
    whole = fitted.score(texts)
    assert whole.dtype == np.float64
    assert np.all((whole >= 0) & (whole <= 1))
    assert fitted.score(texts[5:6])[0] == whole[5]
    assert np.array_equal(fitted.score(texts[::-1]), whole[::-1])


def test_a_saved_fit_scores_the_same(fitted, minilm_config, training, cache_dir):
    again = api.load(minilm_config, fitted.files(), cache_dir)
    assert again.threshold == fitted.threshold
    assert np.array_equal(again.score(training.texts), fitted.score(training.texts))
    assert again.files() == fitted.files()


def test_files_hold_the_trained_part_only_and_no_pickle(fitted):
    from safetensors.torch import load

    files = fitted.files()
    assert sorted(files) == ["README.md", "config.json", "weights.safetensors"]
    names = set(load(files["weights.safetensors"]))
    assert {name.split(".")[0] for name in names} == {"0", "1", "pooler", "head"}
    assert not any(content.startswith((b"\x80\x04", b"PK")) for content in files.values())  # pickle, zip


def test_files_of_another_configuration_are_refused(fitted, minilm_config, cache_dir):
    with pytest.raises(ClassifierError, match="fitted with the config"):
        api.load(dataclasses.replace(minilm_config, epochs=2), fitted.files(), cache_dir)


def test_impossible_configurations_are_refused(minilm_config, training, cache_dir):
    for change in ({"train_layers": 7}, {"max_length": 1000}):
        with pytest.raises(ClassifierError, match=next(iter(change))):
            api.fit(dataclasses.replace(minilm_config, **change), training, seed=0, cache_dir=cache_dir)


@pytest.mark.parametrize("kind", ["tfidf", "minilm"])
@pytest.mark.parametrize(("part", "name"), [(False, "training"), (True, "development")])
def test_one_class_is_refused_in_one_sentence(request, kind, part, name, training, cache_dir):
    labels = np.where(training.dev == part, 1, training.labels)
    config = request.getfixturevalue(f"{kind}_config")
    with pytest.raises(ClassifierError, match=f"the {name} split has .* positive and 0 negative"):
        api.fit(config, dataclasses.replace(training, labels=labels), seed=0, cache_dir=cache_dir)


def test_progress_rises_to_one(minilm_config, training, cache_dir):
    seen = []
    api.fit(minilm_config, training, seed=0, cache_dir=cache_dir, progress=seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0


def test_the_callers_random_state_is_left_alone(minilm_config, training, cache_dir):
    import torch

    before = torch.get_rng_state()
    api.fit(minilm_config, training, seed=0, cache_dir=cache_dir)
    assert torch.equal(before, torch.get_rng_state())
