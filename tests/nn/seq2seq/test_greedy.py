"""A compiled greedy search finds what the search step by step finds."""

from functools import partial

import pytest
import torch
from torch import nn

from spacy_rnn.generation.constraints import DecodingConstraints
from spacy_rnn.generation.greedy import greedy_search
from spacy_rnn.generation.settings import Detail
from spacy_rnn.nn.kernels import quantized
from spacy_rnn.nn.kernels.prepared import PreparedWeights, prepare
from spacy_rnn.nn.rnn.scans import choose_scan, gru
from spacy_rnn.nn.rnn.scans.gru import CompiledGRUScan
from spacy_rnn.nn.rnn.settings import RecurrentSettings
from spacy_rnn.nn.seq2seq import greedy
from spacy_rnn.nn.seq2seq.attention import (
    AdditiveAttention,
    DotAttention,
    GeneralAttention,
    ScaledDotAttention,
)
from spacy_rnn.nn.seq2seq.decoder import Decoder
from spacy_rnn.nn.seq2seq.greedy import CompiledStepper, choose_stepper
from spacy_rnn.nn.seq2seq.model import Seq2Seq, SubwordEncoder
from spacy_rnn.nn.seq2seq.stepper import DecoderStepper

PIECES, START, END = 23, 1, 2
SOURCES = [[3, 4, 5, 9, 8], [6], [], [7, 7, 12, 3, 20, 21, 22, 5, 5]]
SCALED = partial(ScaledDotAttention, width=7)
LIMITS = [{}, {"min_length": 6}, {"max_ratio": 0, "max_extra": 3}, {"banned_pieces": [4, 9, 17]}]


def make_network(attention=SCALED, cell="ssru", depth=1, residual=False, **settings):
    torch.manual_seed(0)
    network = RecurrentSettings(10, depth, cell=cell, bidirectional=False, residual=residual)
    decoder = partial(
        Decoder, attention=attention, network=network, embed_width=9, readout_width=9, **settings
    )
    encoder = partial(SubwordEncoder, embed_width=6, network=RecurrentSettings(10, cell="gru"))
    network = Seq2Seq(PIECES, decoder, encoder, PIECES)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.7)
    return network


def search(network, source, detail=Detail.ALIGNMENTS, choose=choose_stepper, **limits):
    lengths = torch.tensor([len(source)])
    constraints = DecodingConstraints(START, END, **limits)
    with torch.inference_mode():
        step = choose(network.decoder)
        state = step.begin(*network.encode(torch.tensor(source, dtype=torch.int64), lengths))
        ((found,),) = greedy_search(step, state, lengths, constraints, detail=detail)
    return found


needs_numba = pytest.mark.skipif(not greedy.has_numba(), reason="numba is not installed")


@needs_numba
@pytest.mark.parametrize(
    ("attention", "deep", "precision"),
    [
        (SCALED, True, "float32"),
        (GeneralAttention, False, "bfloat16"),
        (DotAttention, True, "int8"),
    ],
    ids=["float32", "bfloat16", "int8"],
)
def test_compiled_search_finds_the_same(attention, deep, precision, monkeypatch):
    monkeypatch.setattr(quantized, "MIN_WEIGHTS", 0)
    if precision == "int8" and not quantized.has_int8(torch.device("cpu")):
        pytest.skip("this torch has no products of 8-bit integers")
    network = prepare(make_network(attention, deep_output=deep), PreparedWeights(precision))
    assert type(choose_stepper(network.decoder)) is CompiledStepper
    lengths = set()
    for source in SOURCES:
        for limits in LIMITS:
            compiled = search(network, source, **limits)
            expected = search(network, source, choose=DecoderStepper, **limits)
            lengths.add(len(compiled.pieces))
            assert compiled.pieces == expected.pieces
            assert compiled.piece_scores == pytest.approx(expected.piece_scores, abs=1e-4)
            assert compiled.source_positions == expected.source_positions
            for got, due in zip(
                compiled.attention_weights, expected.attention_weights, strict=True
            ):
                assert got == pytest.approx(due, abs=1e-4)
            assert search(network, source, Detail.TEXT, **limits).pieces == expected.pieces
            scored = search(network, source, Detail.SCORES, **limits)
            assert scored.piece_scores == compiled.piece_scores
    assert len(lengths) > 2
    with torch.no_grad():
        network.decoder.embedding.weight[START] = torch.nan
    for detail in Detail:
        with pytest.raises(ValueError, match="not numbers"):
            search(network, SOURCES[0], detail)


@needs_numba
def test_alignments_of_a_long_source_take_steps(monkeypatch):
    network = prepare(make_network(), PreparedWeights())
    monkeypatch.setattr(CompiledStepper, "__call__", None)
    assert search(network, SOURCES[0]).source_positions
    monkeypatch.setattr("spacy_rnn.generation.greedy.MAX_PENDING", 10)
    assert search(network, SOURCES[0], Detail.SCORES).piece_scores
    with pytest.raises(TypeError):
        search(network, SOURCES[0])


@pytest.mark.parametrize(
    "settings",
    [
        {"attention": None},
        {"attention": partial(AdditiveAttention, width=3)},
        {"cell": "gru"},
        {"depth": 2},
        {"residual": True},
        {"input_feeding": True},
    ],
    ids=str,
)
def test_other_decoders_take_steps(settings, monkeypatch):
    monkeypatch.setattr(greedy, "has_numba", lambda: True)
    network = prepare(make_network(**settings), PreparedWeights())
    assert type(choose_stepper(network.decoder)) is DecoderStepper
    assert type(choose_stepper(make_network().decoder)) is DecoderStepper  # In training.


@needs_numba
def test_a_numba_that_is_switched_off_compiles_nothing(monkeypatch):
    monkeypatch.setattr("numba.config.DISABLE_JIT", 1)
    assert not greedy.has_numba.__wrapped__()


def test_without_numba_decoders_take_steps(monkeypatch):
    monkeypatch.setattr(greedy, "has_numba", lambda: False)
    monkeypatch.setattr(gru, "has_numba", lambda: False)
    network = prepare(make_network(), PreparedWeights())
    assert type(choose_stepper(network.decoder)) is DecoderStepper
    assert search(network, SOURCES[0]).pieces


@needs_numba
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_compiled_scan_computes_the_same(precision, monkeypatch):
    network = prepare(make_network(), PreparedWeights()).encoder.network
    data = torch.randn(7, 6)
    state = (torch.randn(2, 1, 5),)
    lengths = torch.tensor([7])

    def run():
        mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
        with torch.inference_mode(), mixed:
            request = network._request_scan(data, 1, False, True)
            chosen = type(choose_scan(request, lengths))
            return chosen, network(data, lengths, state)

    chosen, (output, (final,)) = run()
    monkeypatch.setattr(gru, "has_numba", lambda: False)
    other, (due, (due_final,)) = run()
    assert (chosen, other is chosen) == (CompiledGRUScan, False)
    tolerance = {"rtol": 0, "atol": 1e-6 if precision == "float32" else 0.01}
    torch.testing.assert_close(output, due, **tolerance)
    torch.testing.assert_close(final, due_final, **tolerance)
