"""Translators that translate together."""

import math

import numpy as np
import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam

from spacy_rnn.pipeline.translator.scoring import score_pieces

PAIRS = [
    ("eins zwei", "two one"),
    ("drei", "three"),
    ("zwei drei eins", "one three two"),
    ("drei zwei", "two three"),
    ("eins", "one"),
]
SIZES = {"embed_width": 16, "network": {"width": 24}}
SETTINGS = {
    "vocab_size": 280,
    "shared_vocab": False,
    "model": {
        "encoder": SIZES,
        "attention": {"width": 16},
        "decoder": {**SIZES, "readout_width": 16},
    },
    "search": {"beam_width": 4},
}


def make_translator(seed, labels=None, steps=20, **settings):
    """Make a translator that knows a little, and differently with each seed."""
    fix_random_seed(seed)
    nlp = spacy.blank("de")
    translator = nlp.add_pipe("rnn_translator", config={**SETTINGS, **settings})
    examples = []
    for source, target in PAIRS:
        reference = nlp.make_doc(source)
        reference._.translation = target
        examples.append(Example(nlp.make_doc(source), reference))
    translator.initialize(lambda: examples, labels=labels)
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


def own_labels(nlp):
    """Give the vocabularies of a translator, the source's by the one of a larger one."""
    larger = make_translator(0, steps=0, vocab_size=285)
    source = larger.get_pipe("rnn_translator").label_data["source"]
    return {**nlp.get_pipe("rnn_translator").label_data, "source": source}


@pytest.fixture(scope="module")
def pipelines():
    """Make three pipelines; the last one segments sources in another way."""
    first = make_translator(1)
    return [first, make_translator(2), make_translator(3, labels=own_labels(first))]


@pytest.fixture
def joined(pipelines):
    first, *others = (nlp.get_pipe("rnn_translator") for nlp in pipelines)
    first.set_ensemble(others)
    yield pipelines[0]
    first.set_ensemble([])


def describe(nlp, n_best=3):
    settings = {"rnn_translator": {"n_best": n_best}}
    docs = nlp.pipe([source for source, _ in PAIRS], component_cfg=settings)
    return [doc._.translations for doc in docs]


def test_probabilities_are_averaged_piece_by_piece(pipelines, joined):
    translators = [nlp.get_pipe("rnn_translator") for nlp in pipelines]
    assert translators[0].source_subwords != translators[2].source_subwords
    subwords = translators[0].target_subwords
    alone = [describe(nlp) for nlp in pipelines[1:]]
    together = describe(joined)
    assert together not in alone
    for (source, _), translations in zip(PAIRS, together, strict=True):
        for translation in translations:
            pieces = [list(subwords.piece_ids(translation["pieces"]))]
            columns = [
                score_pieces(each.model, [joined.make_doc(source)], pieces, [[0]])[0]
                for each in translators
            ]
            expected = [math.log(np.mean(np.exp(column))) for column in zip(*columns, strict=True)]
            assert translation["piece_scores"] == pytest.approx(expected, abs=1e-4)


def test_references_are_scored_by_averaged_probabilities(pipelines, joined):
    docs = [joined.make_doc(source) for source, _ in PAIRS]
    texts = [target for _, target in PAIRS]
    scores = joined.get_pipe("rnn_translator").log_probs(docs, texts)
    each = [nlp.get_pipe("rnn_translator").log_probs(docs, texts) for nlp in pipelines[1:]]
    joined.get_pipe("rnn_translator").set_ensemble([])
    each.append(joined.get_pipe("rnn_translator").log_probs(docs, texts))
    for number, row in enumerate(scores):
        expected = np.log(np.mean(np.exp([rows[number] for rows in each]), axis=0))
        assert row == pytest.approx(expected.tolist(), abs=1e-5)


def test_a_translator_with_its_copy_is_itself(pipelines):
    nlp = pipelines[0]
    translator = nlp.get_pipe("rnn_translator")
    alone = describe(nlp)
    translator.set_ensemble([translator])
    both = describe(nlp)
    translator.set_ensemble([])
    assert describe(nlp) == alone
    for one, two in zip(alone, both, strict=True):
        assert [each["text"] for each in one] == [each["text"] for each in two]
        assert [each["score"] for each in one] == pytest.approx([each["score"] for each in two])


def test_translators_of_other_vocabularies_are_refused(pipelines):
    translator = pipelines[0].get_pipe("rnn_translator")
    other = make_translator(0, steps=0, vocab_size=279).get_pipe("rnn_translator")
    with pytest.raises(ValueError, match="279 pieces where there are 280"):
        translator.set_ensemble([other])
    labels = dict.fromkeys(("source", "target"), translator.label_data["source"])
    other = make_translator(0, labels=labels, steps=0).get_pipe("rnn_translator")
    with pytest.raises(ValueError, match=r"piece \d+ is '.+' where it is '.+'"):
        translator.set_ensemble([other])
    assert translator.ensemble == ()


def test_worker_processes_have_the_whole_ensemble(joined):
    sources = [source for source, _ in PAIRS] * 2

    def predict(**settings):
        docs = list(joined.pipe(sources, **settings))
        return [doc._.translation for doc in docs], [doc._.translations[0] for doc in docs]

    texts, expected = predict()
    found_texts, found = predict(n_process=2, batch_size=3)
    assert found_texts == texts
    scores = [each["score"] for each in expected]
    assert [each["score"] for each in found] == pytest.approx(scores, abs=1e-5)
    joined.get_pipe("rnn_translator").set_ensemble([])
    _, alone = predict()
    assert [each["score"] for each in alone] != pytest.approx(scores, abs=1e-3)
