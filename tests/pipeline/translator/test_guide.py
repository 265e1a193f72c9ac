"""Guided alignment: attention that learns alignments of the training data."""

import copy
import logging
import pickle
from itertools import chain

import pytest
import spacy
import torch
from spacy.util import fix_random_seed
from thinc.api import Adam
from toy_translator import SMALL, make_examples, make_pipeline, make_texts, train

from spacy_rnn.text.aligner import Aligner
from spacy_rnn.text.subwords import START

GUIDED = {**SMALL, "guided_alignment": 0.5}


def initialize(config=GUIDED, **settings):
    nlp = make_pipeline(config)
    fix_random_seed(0)
    examples = make_examples(nlp)
    nlp.get_pipe("rnn_translator").initialize(lambda: examples, nlp=nlp, **settings)
    return nlp


def train_once(nlp):
    """Return the weights after a step."""
    translator = nlp.get_pipe("rnn_translator")
    translator.update(make_examples(nlp), sgd=Adam(0.01))
    return translator.model.shims[0].to_bytes()


def flat(rows):
    return torch.tensor([*chain(*rows)]), torch.tensor([*map(len, rows)])


def measure_agreement(nlp):
    """Return the mean attention weight at what pieces are aligned to."""
    translator = nlp.get_pipe("rnn_translator")
    vocabularies = translator.source_subwords, translator.target_subwords
    sources, targets = (
        subwords.encode(list(texts))
        for subwords, texts in zip(vocabularies, zip(*make_texts(), strict=True), strict=True)
    )
    aligner = Aligner(zip(sources, targets, strict=True), *map(len, vocabularies))
    links = torch.from_numpy(aligner.align(sources, targets))
    network = translator.model.shims[0].network.eval()
    with torch.no_grad():
        inputs = flat([[START, *target[:-1]] for target in targets])
        _, weights = network.decoder(*network.encode(*flat(sources)), *inputs)
    return float((links * weights).sum() / links.sum())


def test_attention_learns_the_alignment():
    agreements, losses = [], []
    for config in (SMALL, GUIDED):
        nlp = make_pipeline(config)
        losses.append(train(nlp, steps=30)[1])
        agreements.append(measure_agreement(nlp))
    assert agreements[1] > 1.5 * agreements[0]
    assert losses[1][-1] < 0.5 * losses[1][0]
    assert losses[1][0] == losses[0][0]  # The log-likelihood alone.


def test_the_weight_is_that_of_the_setting():
    """Also where it is changed after initialization, to none even."""
    plain, guided = initialize(SMALL), initialize()
    copies = [pickle.loads(pickle.dumps(guided)) for _ in range(2)]
    for weight, other in zip((0.0, 2.0), copies, strict=True):
        other.get_pipe("rnn_translator").guided_alignment = weight
    expected = train_once(initialize({**GUIDED, "guided_alignment": 2.0}))
    assert [train_once(other) for other in copies] == [train_once(plain), expected]
    assert expected != train_once(guided)


@pytest.mark.parametrize("travel", [lambda nlp: pickle.loads(pickle.dumps(nlp)), copy.deepcopy])
def test_alignments_travel_in_memory(travel):
    nlp = initialize()
    assert train_once(travel(nlp)) == train_once(nlp)


def test_alignments_are_not_stored(tmp_path, caplog):
    """The setting is: whoever trains on without them reads once that it has no effect."""
    plain, guided = initialize(SMALL), initialize()
    stored = [nlp.get_pipe("rnn_translator").to_bytes() for nlp in (plain, guided)]
    assert stored[0] == stored[1]
    guided.to_disk(tmp_path)
    loaded = spacy.load(tmp_path)
    assert loaded.config["components"]["rnn_translator"]["guided_alignment"] == 0.5
    with caplog.at_level(logging.WARNING, logger="spacy"):
        weights = train_once(loaded)
        train_once(loaded)
    assert weights == train_once(plain)
    (message,) = caplog.messages
    assert '"rnn_translator": guided_alignment is 0.5, but has no effect' in message
    assert "Set it to 0" in message


def test_loaded_vocabularies_are_not_aligned_by_those_before(caplog):
    nlp, other = initialize(), initialize({**SMALL, "subwords": "unigram"})
    loaded = nlp.get_pipe("rnn_translator")
    loaded.from_bytes(other.get_pipe("rnn_translator").to_bytes())
    assert train_once(nlp) == train_once(other)
    assert "has no effect on this training" in caplog.text


def test_vocabularies_that_are_given_are_aligned():
    nlp = initialize()
    labels = nlp.get_pipe("rnn_translator").label_data
    assert train_once(initialize(labels=labels)) == train_once(nlp)


def test_the_beginning_of_a_stream_is_not_aligned(nlp):
    labels = nlp.get_pipe("rnn_translator").label_data
    other = make_pipeline(GUIDED)
    other.config["training"]["max_epochs"] = -1
    examples = (make_examples(other) * 4)[:100]
    with pytest.raises(ValueError, match=r"learns alignments.*or guided_alignment to 0"):
        other.get_pipe("rnn_translator").initialize(lambda: examples, nlp=other, labels=labels)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (-0.1, "guided_alignment is -0.1, but has to be at least 0"),
        ("nan", 'guided_alignment is "nan", but has to be a finite number'),
    ],
)
def test_the_weight_is_a_finite_number(weight, message):
    with pytest.raises(ValueError, match=message):
        make_pipeline({**SMALL, "guided_alignment": weight})


LISTENER = {"@architectures": "spacy.Tok2VecListener.v1", "width": 32}


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ({"encoder": LISTENER}, "reads tokens.*set it to 0, or choose spacy-rnn.subword_encoder"),
        ({"attention": None}, "no attention to guide: set it to 0, or choose an attention"),
    ],
)
def test_there_has_to_be_something_to_guide(part, message):
    model = {
        "@architectures": "spacy-rnn.Seq2Seq.v1",
        "encoder": {**SMALL["model"]["encoder"], "@misc": "spacy-rnn.subword_encoder.v1"},
        "attention": {"@misc": "spacy-rnn.general_attention.v1"},
        "decoder": {**SMALL["model"]["decoder"], "@misc": "spacy-rnn.recurrent_decoder.v1"},
        **part,
    }
    with pytest.raises(ValueError, match=f"guided_alignment is 0.5, but .*{message}"):
        make_pipeline({**GUIDED, "model": model})
