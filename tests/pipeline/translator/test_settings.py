"""Settings of a translator and of its calls."""

from inspect import signature

import pytest
import spacy
from toy_translator import SMALL, TEXTS, make_examples, make_pipeline, train, translations

from spacy_rnn.architectures.decoder import build_recurrent_decoder_v1
from spacy_rnn.architectures.encoders import build_recurrent_encoder_v1
from spacy_rnn.architectures.seq2seq import build_seq2seq_v1
from spacy_rnn.architectures.subword_encoder import build_subword_encoder_v1
from spacy_rnn.nn.rnn.settings import RecurrentSettings


def test_defaults_make_a_translator():
    nlp = spacy.blank("en")
    translator = nlp.add_pipe("rnn_translator")
    assert translator.search.beam_width == 5
    assert nlp.config["components"]["rnn_translator"]["attr"] == "translation"


def test_one_dictionary_may_describe_both_networks():
    """Defaults that are merged into it reach both."""
    network = {"width": 16}
    sizes = {"embed_width": 16, "network": network}
    model = {"encoder": sizes, "decoder": {**sizes, "readout_width": 16}}
    translator = spacy.blank("en").add_pipe("rnn_translator", config={"model": model})
    parts = translator.model.shims[0]._model
    assert parts.encoder.network.directions == 2
    assert parts.decoder.network.directions == 1


def test_all_settings_of_recurrent_encoders_are_those_of_a_translators_networks():
    settings = {
        "depth": 2,
        "cell": "lstmp",
        "merge": "sum",
        "residual": True,
        "layer_norm": True,
        "initial_state": "learned",
        "dropout_input": 0.1,
        "dropout_layers": 0.1,
        "dropout_output": 0.1,
        "word_dropout": 0.2,
        "weight_drop": 0.1,
        "zoneout_hidden": 0.1,
        "zoneout_cell": 0.1,
        "forget_bias": -1.0,
        "chrono_init": 9,
        "cell_width": 24,
        "heads": 1,
    }
    others = {"width", "bidirectional"}
    known = set(signature(build_recurrent_encoder_v1).parameters)
    # Mixed precision is that of the whole network.
    assert known - {"mixed_precision", "dropout"} == {*settings, *others}
    assert set(signature(RecurrentSettings).parameters) == {*settings, *others}
    encoder, decoder = ({**SMALL["model"][part]} for part in ("encoder", "decoder"))
    encoder["network"] = {**encoder["network"], **settings}
    decoder["network"] = {**decoder["network"], **settings}
    decoder["bridge"] = "zero"
    model = {**SMALL["model"], "encoder": encoder, "decoder": decoder}
    nlp = make_pipeline({**SMALL, "model": model})
    train(nlp, steps=1)
    seq2seq = nlp.get_pipe("rnn_translator").model.shims[0].network
    for network in (seq2seq.encoder.network, seq2seq.decoder.network):
        assert network.zoneouts == (0.1, 0.1)
        assert network.residual
    assert seq2seq.encoder.network.dropout_input.rate == 0.1
    assert seq2seq.encoder.network.word_dropout.rate == 0.2
    assert seq2seq.encoder.network.dropout_output.rate == 0.1
    assert seq2seq.decoder.network.dropout_input.rate == 0.0  # The embeddings have it.
    assert seq2seq.decoder.dropout_embedded.rate == 0.1
    assert seq2seq.decoder.word_dropout.rate == 0.2
    assert seq2seq.decoder.dropout_readout.rate == 0.1
    assert seq2seq.decoder.network.dropout_output.rate == 0.0
    assert translations(nlp)


def test_separate_vocabularies_share_no_embeddings():
    model = {**SMALL["model"], "tied_embeddings": True}
    nlp = make_pipeline({**SMALL, "model": model, "shared_vocab": False, "vocab_size": 275})
    with pytest.raises(ValueError, match="set shared_vocab to true, or tied_embeddings to false"):
        nlp.initialize(lambda: make_examples(nlp))


def test_two_translators_of_one_attribute_are_refused():
    nlp = make_pipeline()
    with pytest.raises(ValueError, match=r"would both write to doc\._\.translation: give one"):
        make_pipeline(name="another", nlp=nlp)


def test_a_search_has_to_be_callable(nlp):
    with pytest.raises(ValueError, match="The search of rnn_translator is 3: choose one of"):
        nlp(TEXTS[0], component_cfg={"rnn_translator": {"search": 3}})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"beam_width": 0}, "beam_width is 0"),
        ({"beam_width": -3}, "beam_width is -3"),
        (
            {"n_best": 9},
            "n_best is 9, but has to be at least 1 and at most beam_width, which is 3",
        ),
        ({"max_ratio": 0.0, "max_extra": 0}, "both 0"),
        ({"width": 3}, 'no setting "width", but has min_length'),
        ({"n_best": 2.0}, "n_best is 2.0, but has to be a whole number"),
        (
            {"no_repeat_ngram_size": 1.5},
            "no_repeat_ngram_size is 1.5, but has to be a whole number",
        ),
        ({"alpha": float("nan")}, "alpha is nan, but has to lie between -10 and 10"),
        ({"alpha": 400.0}, "alpha is 400.0, but has to lie between -10 and 10"),
        ({"threads": 0}, "threads is 0, but has to be at least 1"),
        ({"read_ahead": -1}, "read_ahead is -1, but has to be at least 0"),
        (
            {"detail": "all"},
            'detail is "all", but has to be one of "text", "scores", "alignments"',
        ),
    ],
)
def test_wrong_settings_of_a_call_say_what_is_right(nlp, settings, message):
    with pytest.raises(ValueError, match=message):
        list(nlp.pipe(TEXTS, component_cfg={"rnn_translator": settings}))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"max_batch_tokens": 0}, "max_batch_tokens is 0"),
        ({"max_sentences": -1}, "max_sentences is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"read_ahead": -1}, "read_ahead is -1"),
        ({"detail": "score"}, 'detail is "score"'),
        ({"subword_sampling": 1.0}, "subword_sampling is 1.0"),
        ({"search": {"n_best": 6}}, "n_best is 6"),
        ({"model": {"decoder": {"label_smoothing": 1.5}}}, "label_smoothing is 1.5"),
        ({"model": {"decoder": {"embed_width": 0, "readout_width": 0}}}, "width is 0"),
        ({"model": {"attention": {"width": 0}}}, "width is 0"),
    ],
)
def test_wrong_settings_say_what_is_right(config, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("rnn_translator", config=config)


@pytest.mark.parametrize(
    ("r_drop", "message"),
    [
        (-1.0, "r_drop is -1.0, but has to be at least 0"),
        (float("inf"), "r_drop is inf, but has to be finite, and at least 0"),
        (float("nan"), "r_drop is nan, but has to be finite, and at least 0"),
        ("nan", 'r_drop is "nan", but has to be a finite number'),  # As configs read nan.
    ],
)
def test_a_weight_of_r_drop_is_a_finite_number(r_drop, message):
    network = RecurrentSettings(width=8)
    make_decoder = build_recurrent_decoder_v1(network, r_drop=r_drop)
    encoder = build_subword_encoder_v1(network, embed_width=8)
    with pytest.raises(ValueError, match=message):
        build_seq2seq_v1(encoder, make_decoder)
