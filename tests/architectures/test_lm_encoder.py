"""A language model as the encoder of other components."""

import numpy as np
import pytest
import spacy
from spacy.training import Example
from spacy.util import fix_random_seed
from thinc.api import Adam, RAdam

TEXTS = ["the cat saw the bird .", "a dog slept .", "", "the  dog saw\n\na cat and slept . "]
TAGS = {"the": "D", "a": "D", "cat": "N", "dog": "N", "bird": "N", "saw": "V", "slept": "V"}
NETWORK = {"@misc": "spacy-rnn.recurrent_network.v1", "width": 12, "depth": 2}
NETWORK["bidirectional"] = False
SIZES = {"@architectures": "spacy-rnn.LanguageModel.v1", "embed_width": 8, "network": NETWORK}
UNITS = {"words": {}, "characters": {}, "subwords": {"vocab_size": 280}}


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """Language models by their units and direction, stored."""
    folder = tmp_path_factory.mktemp("pretrained")

    def make(units, direction="forward"):
        path = folder / f"{units}-{direction}"
        if not path.exists():
            fix_random_seed(0)
            nlp = spacy.blank("en")
            config = {"units": units, "min_count": 1, "direction": direction, "model": SIZES}
            nlp.add_pipe("rnn_lm", config={**config, **UNITS[units]})
            nlp.add_pipe("sentencizer")
            examples = [Example(nlp.make_doc(t), nlp.make_doc(t)) for t in TEXTS]
            nlp.initialize(lambda: examples)
            optimizer = Adam(0.02)
            for _ in range(15):
                nlp.update(examples, sgd=optimizer)
            nlp.to_disk(path)
        return path

    return make


def make_tagger(source, **settings):
    nlp = spacy.blank("en")
    encoder = {"@architectures": "spacy-rnn.LMEncoder.v1", "model": SIZES, **settings}
    encoder["source"] = None if source is None else str(source)
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": encoder}
    nlp.add_pipe("tagger", config={"model": model})
    return nlp


def make_examples(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS]
    return [
        Example.from_dict(doc, {"tags": [TAGS.get(str(word), "X") for word in doc]})
        for doc in docs
    ]


def find_encoder(nlp):
    return next(node for node in nlp.get_pipe("tagger").model.walk() if node.name == "lm_encoder")


@pytest.mark.parametrize("units", UNITS)
@pytest.mark.parametrize("direction", ["forward", "backward"])
def test_vectors_are_those_of_each_text_alone(pretrained, units, direction):
    nlp = make_tagger(pretrained(units, direction))
    nlp.initialize(lambda: make_examples(nlp))
    docs = [nlp.make_doc(text) for text in [*TEXTS, "new 読む 🐦"]]
    encoder = find_encoder(nlp)
    together = encoder.predict(docs)
    assert [rows.shape for rows in together] == [(len(doc), 12) for doc in docs]
    for doc, rows in zip(docs, together, strict=True):
        np.testing.assert_allclose(encoder.predict([doc])[0], rows, atol=1e-5)
    # What is not read yet does not matter; a space before a word is read with it.
    if direction == "forward":
        half, seen = encoder.predict([nlp.make_doc("the cat saw")])[0], together[0][:3]
    else:
        half, seen = encoder.predict([nlp.make_doc("the bird .")])[0][1:], together[0][4:]
    np.testing.assert_allclose(half, seen, atol=1e-5)


def test_a_vector_is_what_a_stream_knows(pretrained):
    path = pretrained("words")
    nlp = make_tagger(path)
    nlp.initialize(lambda: make_examples(nlp))
    (rows,) = find_encoder(nlp).predict([nlp.make_doc(TEXTS[0])])
    with spacy.load(path).get_pipe("rnn_lm").stream() as stream:
        for word, row in zip(TEXTS[0].split(), rows, strict=True):
            stream.feed(word)
            known = stream._state[0][0, 0].numpy()
            np.testing.assert_allclose(row, known, atol=1e-5)


@pytest.mark.parametrize("trainable", [False, True])
def test_a_tagger_learns_from_it(pretrained, trainable, tmp_path):
    nlp = make_tagger(pretrained("words"), trainable=trainable)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    before = find_encoder(nlp).shims[0].to_bytes()
    optimizer = Adam(0.1)
    for _ in range(80):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)["tag_acc"] > 0.9
    assert (find_encoder(nlp).shims[0].to_bytes() != before) == trainable
    nlp.to_disk(tmp_path)
    copy = spacy.load(tmp_path)
    tags = [[word.tag_ for word in doc] for doc in nlp.pipe(TEXTS)]
    assert [[word.tag_ for word in doc] for doc in copy.pipe(TEXTS)] == tags
    again = spacy.blank("en")
    again.add_pipe("tagger", source=copy)
    assert [[word.tag_ for word in doc] for doc in again.pipe(TEXTS)] == tags


def changes(before, encoder):
    """Give how far each parameter is from where it was, and what it is now."""
    after = {
        name: parameter.detach().clone()
        for name, parameter in encoder.shims[0].network.named_parameters()
    }
    moved = {name: float((after[name] - old).abs().max()) for name, old in before.items()}
    return moved, after


@pytest.mark.parametrize("settings", [{"rate_decay": 0.5}, {"unfreeze_steps": 2}])
def test_radam_knows_no_rates_of_layers(pretrained, settings):
    nlp = make_tagger(pretrained("words"), trainable=True, **settings)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    if "rate_decay" in settings:
        with pytest.raises(ValueError, match=r"RAdam\.v1 ignores the learning rates of layers"):
            nlp.update(examples, sgd=RAdam(0.01))
    else:
        nlp.update(examples, sgd=RAdam(0.01))


def test_it_is_rehearsed_at_one_rate(pretrained):
    """What spaCy has there in place of an optimizer knows of no others."""
    nlp = make_tagger(pretrained("words"), trainable=True, rate_decay=0.5)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    nlp.resume_training(sgd=Adam(0.01))
    assert nlp.rehearse(examples).keys() == {"tagger"}


def test_layers_are_trained_one_after_the_other_and_lower_ones_more_slowly(pretrained):
    """The first step of Adam moves each weight by the learning rate."""
    source = pretrained("words")
    nlp = make_tagger(source, trainable=True, rate_decay=0.25, unfreeze_steps=2)
    examples = make_examples(nlp)
    nlp.initialize(lambda: examples)
    encoder = find_encoder(nlp)
    optimizer = Adam(0.01, L2=0.0, use_averages=False)
    nlp.update(examples, sgd=optimizer)  # The softmax begins with zeros.
    _, weights = changes({}, encoder)
    rates = {"layers.1": 0.25, "layers.0": 0.25**2, "embedding": 0.25**3}
    begin = {"layers.1": 2, "layers.0": 4, "embedding": 6}
    for step in range(1, 8):
        nlp.update(examples, sgd=optimizer)
        moved, weights = changes(weights, encoder)
        for name, distance in moved.items():
            layer = next((layer for layer in rates if layer in name), None)
            if layer is None or step < begin[layer]:  # The first are of what it foresaw with.
                assert distance == 0
            elif step == begin[layer]:
                assert distance == pytest.approx(0.01 * rates[layer], rel=0.01)
            else:
                assert distance > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rate_decay": 0}, "rate_decay is 0"),
        ({"rate_decay": 2.6}, "rate_decay is 2.6, but has to be above 0 and at most 1"),
        ({"unfreeze_steps": -1}, "unfreeze_steps is -1"),
    ],
)
def test_settings_out_of_bounds(pretrained, settings, message):
    with pytest.raises(ValueError, match=message):
        make_tagger(pretrained("words"), **settings)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"source": None}, "needs a trained language model"),
        ({"component": "lm"}, 'no component "lm" in .*, but rnn_lm, sentencizer'),
        ({"component": "sentencizer"}, '"sentencizer" in .* is no language model'),
        ({"model": {**SIZES, "network": {**NETWORK, "width": 10}}}, "do not fit the network"),
    ],
)
def test_what_it_cannot_stand_on(pretrained, settings, message):
    nlp = make_tagger(**{"source": pretrained("words"), **settings})
    with pytest.raises(ValueError, match=message):
        nlp.initialize(lambda: make_examples(nlp))
