"""Translation with weights as integers or in bfloat16."""

import pytest
import spacy
import torch
from thinc.api import Adam
from toy_translator import SMALL, TEXTS, make_pipeline, train

from spacy_rnn.nn.seq2seq.stepper import DecoderStepper


@pytest.fixture
def round_small_matrices(monkeypatch):
    monkeypatch.setattr("spacy_rnn.nn.kernels.quantized.MIN_WEIGHTS", 2048)


def test_integers_translate_the_same(nlp, round_small_matrices):
    """So sure a network, and so nearly equal products."""
    translator = nlp.get_pipe("rnn_translator")
    expected = list(nlp.pipe(TEXTS))
    translator.int8 = True
    try:
        docs = list(nlp.pipe(TEXTS))
        alone = nlp(TEXTS[0])
    finally:
        translator.int8 = False
    assert [doc._.translation for doc in docs] == [doc._.translation for doc in expected]
    scores = [doc._.translations[0]["score"] for doc in docs]
    exact = [doc._.translations[0]["score"] for doc in expected]
    assert scores == pytest.approx(exact, abs=0.05)
    assert scores != exact
    assert alone._.translations[0]["score"] == pytest.approx(scores[0], abs=1e-5)


@pytest.mark.parametrize("int8", [False, True])
def test_what_is_prepared_follows_the_weights(int8, round_small_matrices):
    """What was rounded, or computed once for all words, before a step, is not after it."""
    nlp = make_pipeline(config={**SMALL, "int8": int8})
    examples, _ = train(nlp, steps=20)
    score = lambda: nlp(TEXTS[0])._.translations[0]["score"]  # noqa: E731
    before = score()
    optimizer = Adam(0.05)
    nlp.update(examples, sgd=optimizer)
    after = score()
    assert after != before
    with nlp.use_params(optimizer.averages):
        averaged, weights = score(), nlp.to_bytes()
    assert averaged != after
    assert score() == after
    copy = spacy.blank("de").from_config(nlp.config).from_bytes(weights)
    assert copy(TEXTS[0])._.translations[0]["score"] == averaged
    stored = nlp.to_bytes()
    nlp.update(examples, sgd=optimizer)
    assert score() != after
    nlp.from_bytes(stored)
    assert score() == after
    assert nlp.get_pipe("rnn_translator").int8 == int8


@pytest.mark.parametrize("beam_width", [1, 3])
def test_mixed_precision_searches_with_products_in_bfloat16(trained, beam_width, monkeypatch):
    """Without hardware for it torch computes the same, only slowly."""
    monkeypatch.setattr("spacy_rnn.bridge.shim.has_bfloat16", lambda device: True)
    plain = trained[0]
    mixed = make_pipeline({**SMALL, "model": {**SMALL["model"], "mixed_precision": True}})
    mixed.from_bytes(plain.to_bytes(exclude=["tokenizer"]), exclude=["tokenizer"])
    step, kinds = DecoderStepper.__call__, set()

    def noted(self, pieces, state):
        scores, weights, after = step(self, pieces, state)
        kinds.add((torch.is_autocast_enabled("cpu"), scores.dtype))
        return scores, weights, after

    monkeypatch.setattr(DecoderStepper, "__call__", noted)
    settings = {"component_cfg": {"rnn_translator": {"beam_width": beam_width}}}
    found, expected = (
        [doc._.translations[0] for doc in nlp.pipe(TEXTS, **settings)] for nlp in (mixed, plain)
    )
    assert kinds == {(False, torch.float32)}
    assert [each["text"] for each in found] == [each["text"] for each in expected]
    scores = [each["score"] for each in expected]
    assert [each["score"] for each in found] == pytest.approx(scores, abs=0.05)
    assert [each["score"] for each in found] != scores
    with mixed.get_pipe("rnn_translator").model.shims[0].predictor("bfloat16") as network:
        decoder = network.decoder
    together = decoder.network.layers[-1].weight_hh, decoder.readout.weight
    assert ("bfloat16", *map(id, together)) in decoder.prepared._cache


@pytest.mark.parametrize("int8", [False, True])
def test_weights_that_are_not_numbers_are_an_error(nlp, round_small_matrices, int8):
    copy = make_pipeline({**SMALL, "int8": int8}).from_bytes(nlp.to_bytes())
    network = copy.get_pipe("rnn_translator").model.shims[0].network
    network.decoder.readout.weight.data.fill_(float("nan"))
    with pytest.raises(ValueError, match="not numbers"):
        copy("eins")
