"""Shapes of networks, learnt without memory and without a draw."""

from functools import partial

import pytest
import torch
from torch import nn

from spacy_rnn.bridge.weights import build_shapes
from spacy_rnn.nn.characters import CharacterCNN, CharacterRNN
from spacy_rnn.nn.crf.model import CRF
from spacy_rnn.nn.lm.model import LanguageModel
from spacy_rnn.nn.pooling import HierarchicalAttention
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq.attention import CoverageAttention
from spacy_rnn.nn.seq2seq.decoder import Decoder
from spacy_rnn.nn.seq2seq.model import Seq2Seq, SubwordEncoder
from spacy_rnn.nn.text_classifier import Classifier


def build_of_torch(inputs):
    """Initial values by many of torch's functions."""
    layers = nn.Sequential(
        nn.Conv1d(inputs, 6, 3), nn.Embedding(5, 4), nn.LSTM(4, 3), nn.Linear(4, 2)
    )
    nn.init.trunc_normal_(layers[0].weight)
    nn.init.kaiming_normal_(layers[1].weight)
    nn.init.orthogonal_(layers[3].weight)
    nn.init.constant_(layers[3].bias, 2.0)
    return layers


RECURRENT = partial(RecurrentSettings, 8, chrono_init=9, initial_state="learned", layer_norm=True)
SOFTMAX = partial(LanguageModel, embed_width=8, network=RecurrentSettings(16, bidirectional=False))
SEQ2SEQ = partial(
    Seq2Seq,
    decoder=partial(
        Decoder,
        attention=partial(CoverageAttention, width=3),
        network=RecurrentSettings(8, bidirectional=False),
        embed_width=4,
        readout_width=4,
    ),
    encoder=partial(SubwordEncoder, embed_width=4, network=RecurrentSettings(8, cell="gru")),
)
NETWORKS = {
    "lstm": (partial(RecurrentNetwork, settings=RECURRENT(cell="lstm", depth=2)), {"inputs": 4}),
    "gru": (partial(RecurrentNetwork, settings=RECURRENT(cell="gru")), {"inputs": 4}),
    "characters": (partial(CharacterRNN, 8, 4), {}),
    "filters": (partial(CharacterCNN, 8, 4), {}),
    "crf": (CRF, {"labels": 3}),
    "language model": (SOFTMAX, {"pieces": 30}),
    "adaptive": (partial(SOFTMAX, tied_softmax=False, cutoffs=(10, 20)), {"pieces": 30}),
    "classifier": (
        partial(Classifier, pooling=partial(HierarchicalAttention, width=8), ngram_rows=9),
        {"inputs": 4, "labels": 3},
    ),
    "seq2seq": (SEQ2SEQ, {"target_pieces": 9, "source_pieces": 7}),
    "torch": (build_of_torch, {"inputs": 4}),
}


def shapes(network):
    return {name: tensor.shape for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_shapes_are_those_of_the_network_and_nothing_is_drawn(name):
    build, dims = NETWORKS[name]
    before = torch.get_rng_state()
    network = build_shapes(build, dims)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(parameter.is_meta for parameter in network.parameters())
    assert shapes(network) == shapes(build(**dims))
