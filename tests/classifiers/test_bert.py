"""The encoder written out here against the model classes of transformers, on small random models of every family."""

import numpy as np
import pytest

SIZES = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3, "intermediate_size": 40}
FAMILIES = {
    "bert": {**SIZES, "vocab_size": 50, "max_position_embeddings": 20},
    "roberta": {**SIZES, "vocab_size": 50, "max_position_embeddings": 20, "type_vocab_size": 1, "pad_token_id": 1},
    "xlm-roberta": {**SIZES, "vocab_size": 50, "max_position_embeddings": 20, "pad_token_id": 1},
    "camembert": {**SIZES, "vocab_size": 50, "max_position_embeddings": 20, "pad_token_id": 1},
    "distilbert": {"dim": 24, "n_layers": 2, "n_heads": 3, "hidden_dim": 40, "vocab_size": 50, "max_position_embeddings": 20},
}


@pytest.fixture(params=FAMILIES)
def family(request, tmp_path):
    import torch
    from transformers import AutoConfig, AutoModel

    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = AutoModel.from_config(AutoConfig.for_model(request.param, **FAMILIES[request.param])).eval()
        for parameter in model.parameters():  # biases and norms start at 0 and 1, where a mistake would not show
            torch.nn.init.normal_(parameter, std=0.3)
    model.save_pretrained(tmp_path)
    return tmp_path, model


def test_every_family_gives_what_its_model_class_gives(family):
    import torch

    from smo_pipelines.classifiers.bert import bert_shape, embed, encoder_layer, first_token_layer, layer_weights, read_weights

    folder, model = family
    ids = torch.from_numpy(np.random.default_rng(1).integers(5, 50, size=(3, 9)))
    mask = torch.ones(3, 9, dtype=torch.bool)
    mask[1, 6:] = False
    with torch.inference_mode():
        expected = model(input_ids=torch.where(mask, ids, ids), attention_mask=mask.long()).last_hidden_state
        weights, shape = read_weights(folder), bert_shape(folder)
        x = encoder_layer(layer_weights(weights, 0), embed(weights, ids, shape), mask, shape)
        last = layer_weights(weights, 1)
        whole, first = encoder_layer(last, x, mask, shape), first_token_layer(last, x, mask, shape)
    assert torch.allclose(whole[mask], expected[mask], atol=2e-5)
    assert torch.allclose(first, expected[:, 0], atol=2e-5)


@pytest.mark.parametrize("family", ["xlm-roberta"], indirect=True)
def test_positions_after_the_padding_token_shorten_what_can_be_read(family):
    from smo_pipelines.classifiers.bert import bert_shape

    shape = bert_shape(family[0])
    assert (shape.positions, shape.first_position) == (18, 2)
