"""Train each kind of network where neither spaCy nor Thinc can be imported.

Prints how many modules there are, and the loss of each network before and after a step.
"""

import json
from functools import partial

from refuse_imports import import_all, refuse_imports

refuse_imports("spacy", "thinc", "safetensors", "sentencepiece")

import torch
from torch import Tensor

from spacy_rnn.nn.crf.biluo import OUT, biluo_constraints
from spacy_rnn.nn.crf.model import CRF
from spacy_rnn.nn.lm.model import LanguageModel
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq.attention import AdditiveAttention
from spacy_rnn.nn.seq2seq.decoder import Decoder
from spacy_rnn.nn.seq2seq.model import Seq2Seq, SubwordEncoder

PIECES = 7
ONE_WAY = RecurrentSettings(4, bidirectional=False)
LENGTHS = torch.tensor([3, 0, 2])
WORDS = int(LENGTHS.sum())


def recurrent_loss(network: RecurrentNetwork) -> Tensor:
    """Have a network reproduce half of what it reads."""
    data = torch.linspace(-1, 1, WORDS * 8).view(WORDS, 8)
    outputs, _ = network(data, LENGTHS)
    return (outputs - data[:, :4]).square().sum()


def crf_loss(crf: CRF) -> Tensor:
    """Tag no word as a part of an entity."""
    allowed = torch.zeros(WORDS, 5, dtype=torch.bool)
    allowed[:, OUT] = True
    return crf(torch.zeros(WORDS, 5), LENGTHS, allowed).sum()


def language_model_loss(model: LanguageModel) -> Tensor:
    """Predict the next number of a row."""
    pieces = torch.arange(WORDS)
    fresh = torch.ones(len(LENGTHS), dtype=torch.bool)
    return model(pieces, pieces + 1, LENGTHS, model.start(len(LENGTHS)), fresh)[0]


def translation_loss(network: Seq2Seq) -> Tensor:
    """Translate each sentence into a start symbol, one piece and an end symbol."""
    targets = torch.tensor([0, 3, 1] * len(LENGTHS))
    return network(torch.arange(WORDS), LENGTHS, targets, torch.tensor([3, 3, 3]))[0]


def make_seq2seq() -> Seq2Seq:
    """Make an encoder and a decoder with attention."""
    attention = partial(AdditiveAttention, width=3)
    sizes = {"embed_width": 3, "readout_width": 3}
    decoder = partial(Decoder, network=ONE_WAY, attention=attention, **sizes)
    encoder = partial(SubwordEncoder, embed_width=3, network=RecurrentSettings(4))
    return Seq2Seq(PIECES, decoder, encoder, PIECES)


NETWORKS = {
    "recurrent": (lambda: RecurrentNetwork(8, RecurrentSettings(4, depth=2)), recurrent_loss),
    "crf": (lambda: CRF(5, biluo_constraints), crf_loss),
    "lm": (lambda: LanguageModel(PIECES, embed_width=4, network=ONE_WAY), language_model_loss),
    "seq2seq": (make_seq2seq, translation_loss),
}

losses = {}
for name, (make, loss_of) in NETWORKS.items():
    torch.manual_seed(0)
    network = make()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    before = loss_of(network)
    before.backward()
    optimizer.step()
    losses[name] = (before.item(), loss_of(network).item())
print(json.dumps({"modules": import_all("spacy_rnn.nn"), "losses": losses}))
