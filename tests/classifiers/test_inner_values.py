"""What the frozen first matrix gives, kept for all epochs: the same fit, whether it is kept or computed in every step."""

import numpy as np
import pytest

from smo_pipelines.classifiers import api


@pytest.fixture
def texts_of_states():
    rng = np.random.default_rng(0)
    return [rng.normal(size=(int(n), 8)).astype(np.float16) for n in rng.integers(1, 40, size=500)]


def matrices():
    import torch

    rng = np.random.default_rng(1)
    draw = {"0.up.weight": rng.normal(size=(32, 8)), "0.up.bias": rng.normal(size=32)}
    return {name: torch.from_numpy(value.astype(np.float32)) for name, value in draw.items()}


def test_every_token_has_its_state_and_behind_it_its_inner_values(texts_of_states):
    import torch

    from smo_pipelines.classifiers.inner_values import split, with_inner_values

    up = matrices()
    found = with_inner_values(texts_of_states, up, "here")
    assert with_inner_values(texts_of_states, up, "here") is found, "kept"
    short = {name.removeprefix("0."): tensor for name, tensor in up.items()}
    for rows, wide in zip(texts_of_states, found, strict=True):
        assert np.array_equal(wide[:, :8], rows)
        state, inner = split(torch.from_numpy(rows).float(), short)
        again, kept = split(torch.from_numpy(wide).float(), short)
        assert torch.equal(state, again)
        assert torch.allclose(inner, kept, atol=2e-3, rtol=2e-3)  # kept in 11 bits


def test_what_is_too_much_to_keep_is_not_kept(texts_of_states, monkeypatch):
    from smo_pipelines.classifiers import inner_values

    monkeypatch.setattr(inner_values, "MOST_BYTES", 1000)
    assert inner_values.with_inner_values(texts_of_states, matrices(), "there") is texts_of_states


def test_a_fit_is_the_same_up_to_rounding_whether_they_are_kept(minilm_config, training, cache_dir, monkeypatch):
    from smo_pipelines.classifiers import inner_values

    kept = api.fit(minilm_config, training, seed=0, cache_dir=cache_dir).score(training.texts)
    monkeypatch.setattr(inner_values, "MOST_BYTES", 0)
    computed = api.fit(minilm_config, training, seed=0, cache_dir=cache_dir).score(training.texts)
    assert np.abs(kept - computed).max() < 2e-3
