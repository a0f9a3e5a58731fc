import dataclasses

import pytest

from smo_pipelines.classifiers import api, hardware
from smo_pipelines.domain.classifiers import Device, Precision
from smo_pipelines.errors import ClassifierError


@pytest.fixture
def machine(monkeypatch):
    """A machine with the hardware that a test names, whatever this one has."""

    def with_(*, cuda=False, bfloat16=False):
        monkeypatch.setattr(hardware, "_has_cuda", lambda: cuda)
        monkeypatch.setattr(hardware, "_bfloat16_on_cuda", lambda: bfloat16)
        monkeypatch.setattr(hardware, "_bfloat16_on_processor", lambda: bfloat16)

    return with_


@pytest.mark.parametrize("cuda", [True, False])
@pytest.mark.parametrize("bfloat16", [True, False])
def test_auto_takes_what_the_machine_has_and_puts_it_into_the_name(machine, minilm_config, cuda, bfloat16):
    machine(cuda=cuda, bfloat16=bfloat16)
    found = api.on_this_machine(dataclasses.replace(minilm_config, precision=Precision.auto))
    assert found.device is (Device.cuda if cuda else Device.cpu)
    assert found.precision is (Precision.bfloat16 if bfloat16 else Precision.float32)
    assert api.on_this_machine(found) == found
    other = dataclasses.replace(found, precision=Precision.float32 if bfloat16 else Precision.bfloat16)
    assert other.digest != found.digest


def test_what_the_machine_lacks_is_refused_before_anything_is_trained(machine, minilm_config, training, cache_dir):
    machine()
    for change, said in (({"device": Device.cuda}, "no CUDA GPU here"), ({"precision": Precision.bfloat16}, "in software only")):
        with pytest.raises(ClassifierError, match=said):
            api.fit(dataclasses.replace(minilm_config, **change), training, seed=0, cache_dir=cache_dir)


def test_tfidf_has_no_device(machine, tfidf_config):
    machine(cuda=True, bfloat16=True)
    assert api.on_this_machine(tfidf_config) is tfidf_config


def test_a_fit_in_bfloat16_is_near_the_one_in_float32(monkeypatch, minilm_config, training, cache_dir):
    """In software here where the processor has no such unit, on few texts: the path that a GPU takes."""
    import numpy as np

    exact = api.fit(minilm_config, training, seed=0, cache_dir=cache_dir).score(training.texts)
    monkeypatch.setattr(hardware, "_bfloat16_on_processor", lambda: True)
    rounded = api.fit(dataclasses.replace(minilm_config, precision=Precision.bfloat16), training, seed=0, cache_dir=cache_dir)
    near = rounded.score(training.texts)
    assert not np.array_equal(near, exact)
    assert np.abs(near - exact).max() < 0.05  # bfloat16 keeps 8 bits
