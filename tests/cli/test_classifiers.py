import csv
import io

import numpy as np
import pytest

from smo_pipelines.classifiers.activation_shards import ActivationShards
from smo_pipelines.classifiers.shard_files import STORED, text_key
from smo_pipelines.domain.experiments import ArmName
from smo_pipelines.experiment.fits import fit_by_key, load_fit
from smo_pipelines.experiment.workspace import open_workspace


@pytest.fixture
def finished(smo, project):
    answer = smo("run", "small")
    assert answer.code == 0, answer.err
    return open_workspace(project)


def test_a_stored_fit_scores_the_lines_of_a_file_and_shows_no_text(smo, finished, tmp_path):
    key = finished.store.keys("fits")[0]
    texts = ["a harmless line", "", "another, with a comma"]
    (tmp_path / "texts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    answer = smo("classifier", "score", str(tmp_path / "texts.txt"), "--fit", key[:12])
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    fitted = load_fit(finished, fit_by_key(finished, key))
    assert [row["line"] for row in rows] == ["1", "2", "3"]
    np.testing.assert_allclose([float(row["score"]) for row in rows], fitted.score(texts), rtol=0, atol=5e-7)
    assert [row["flagged"] for row in rows] == [str(int(score >= fitted.threshold)) for score in fitted.score(texts)]
    assert "harmless" not in answer.out

    export = smo("classifier", "export", "small", str(ArmName.treatment), "0", str(tmp_path / "model"))
    assert (export.code, (tmp_path / "model").exists()) == (2, False)
    assert "transformers has no form for that" in " ".join(export.err.split())
    missing = smo("classifier", "export", "small", "control", "7", str(tmp_path / "model"))
    assert missing.code == 2 and "unknown replicate '7'" in missing.err
    for given, said in (("zz", "0 fits have a key"), ("", "fits have a key")):
        assert said in smo("classifier", "score", str(tmp_path / "texts.txt"), "--fit", given).err
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe")
    for name in ("bytes.txt", "none.txt"):
        answer = smo("classifier", "score", str(tmp_path / name), "--fit", key)
        assert answer.code == 2 and "cannot be read as text" in " ".join(answer.err.split())


def test_an_experiment_that_has_not_begun_has_no_fit(smo, project, tmp_path):
    answer = smo("classifier", "export", "small", "control", "0", str(tmp_path / "model"))
    assert answer.code == 2 and "the store holds no prepared" in " ".join(answer.err.split())


def test_the_cache_is_shown_and_cleared(smo, project, monkeypatch):
    root = open_workspace(project).cache_dir / "encoder"
    assert smo("cache", "show").out.startswith("0 bytes of at most 8.0 GiB (SMO_CACHE_BYTES)")
    shards = ActivationShards(root / "0123abcd", width=64, limit=2**20, about="a backbone, 4 layers, 96 tokens")
    shards.add([text_key("a")], [np.ones((80, 64), dtype=STORED)], needed=[])
    monkeypatch.setenv("SMO_CACHE_BYTES", str(2**20))
    said = smo("cache", "show").out
    assert said.startswith("10.3 KiB of at most 1.0 MiB") and "0123abcd" in said and "4 layers" in said
    assert smo("cache", "clear").out.startswith("10.3 KiB removed")
    assert smo("cache", "show").out.startswith("0 bytes")
    monkeypatch.setenv("SMO_CACHE_BYTES", "much")
    answer = smo("cache", "show")
    assert answer.code == 2 and "SMO_CACHE_BYTES is 'much'" in answer.err
