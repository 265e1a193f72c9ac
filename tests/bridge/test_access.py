"""The network inside of a Thinc model."""

import pytest
import torch
from thinc.api import Linear, PyTorchWrapper

from spacy_rnn.architectures.encoders import build_bilstm_encoder_v1
from spacy_rnn.bridge.access import network_shim
from spacy_rnn.bridge.shim import NetworkShim


def test_a_layer_of_this_package_has_a_shim():
    model = build_bilstm_encoder_v1(8, 1, 0.0)
    assert network_shim(model) is model.shims[0]
    assert isinstance(network_shim(model), NetworkShim)


@pytest.mark.parametrize("model", [Linear(), PyTorchWrapper(torch.nn.Linear(2, 2))])
def test_other_layers_have_none(model):
    with pytest.raises(ValueError, match=f'layer "{model.name}" has no network of spacy-rnn'):
        network_shim(model)
