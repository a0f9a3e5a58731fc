from pathlib import Path

import pytest
import yaml

from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind

FILES = sorted((Path(__file__).parents[2] / "configs" / "classifiers").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_configurations_are_classifier_configs(path):
    fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    config = ClassifierConfig(**fields | {"kind": ClassifierKind(fields["kind"])})
    assert config.name == path.stem


def test_both_kinds_are_shipped():
    assert {path.stem for path in FILES} >= {"tfidf", "minilm-top2"}
