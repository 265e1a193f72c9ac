"""The tagger, beyond what holds for each component."""

import warnings

import numpy as np
import pytest
import spacy
from contract_samples import CRF, TOK2VEC
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import fix_random_seed
from stock_pipelines import make_examples
from stock_pipelines import make_pipeline as make_stock_pipeline
from thinc.api import Adam

from spacy_rnn.architectures.crf import label_probabilities
from spacy_rnn.nn.rnn.cells import CELLS

OUTPUTS = {"softmax": {"tok2vec": TOK2VEC}, "crf": CRF}
each_output = pytest.mark.parametrize("output", OUTPUTS)


def make_tagger(output="softmax", **settings):
    nlp = spacy.blank("en")
    return nlp, nlp.add_pipe("rnn_tagger", config={"model": OUTPUTS[output], **settings})


def initialize(nlp, examples=None):
    examples = examples or make_pos_examples(nlp)
    fix_random_seed(0)
    nlp.initialize(lambda: examples)
    return examples


def make_pos_examples(nlp):
    """Examples with parts of speech beside their tags."""
    examples = make_examples(nlp)
    for example in examples:
        for token in example.reference:
            token.pos_ = {"N": "NOUN", "V": "VERB", "D": "DET"}.get(token.tag_[0], "X")
    return examples


def take_steps(nlp, examples, steps=30):
    optimizer = Adam(0.01)
    for _ in range(steps):
        nlp.update(examples, sgd=optimizer)
    return nlp


@each_output
@pytest.mark.parametrize("attr", ["tag", "pos", "morph"])
def test_it_writes_one_attribute_and_no_other(output, attr):
    nlp, _ = make_tagger(output, attr=attr)
    examples = initialize(nlp)
    doc = nlp("the old bird")
    written = {"tag": doc[0].tag_, "pos": doc[0].pos_, "morph": str(doc[0].morph)}
    assert [name for name, value in written.items() if value] == [attr]
    scores = take_steps(nlp, examples).evaluate(examples)
    assert scores[f"{attr}_acc"] > 0.9
    assert [name for name in scores if name.endswith("_acc") and scores[name] is not None] == [
        "token_acc",
        f"{attr}_acc",
        "rnn_tagger_acc",
    ]
    assert scores["rnn_tagger_acc"] == scores[f"{attr}_acc"]


def test_without_a_scorer_there_is_no_score():
    _, tagger = make_tagger(scorer=None)
    assert tagger.score([]) == {}


def test_morphology_is_scored_feature_by_feature():
    nlp, _ = make_tagger(attr="morph")
    scores = nlp.get_pipe("rnn_tagger")
    examples = initialize(nlp)
    assert set(nlp.evaluate(examples)["morph_per_feat"]) >= {"Number", "Tense"}
    assert scores.labels == tuple(sorted(scores.labels))


@each_output
@pytest.mark.parametrize("overwrite", [False, True])
def test_tags_that_are_set_stay_unless_they_are_overwritten(output, overwrite):
    nlp, _ = make_tagger(output, overwrite=overwrite)
    initialize(nlp)
    doc = nlp.make_doc("the old bird")
    doc[1].tag_ = "XX"
    (doc,) = nlp.pipe([doc])
    assert (doc[1].tag_ == "XX") is not overwrite
    assert all(token.tag_ for token in doc)


def test_a_crf_goes_on_from_tags_that_are_set():
    """Of nothing but x, tags A and B follow each other in turn."""
    nlp, _ = make_tagger("crf")
    docs = [Doc(nlp.vocab, words=["x"] * 4, tags=tags) for tags in ("ABAB", "BABA")]
    examples = [Example(Doc(nlp.vocab, words=["x"] * 4), doc) for doc in docs]
    take_steps(nlp, initialize(nlp, examples))
    for first, expected in (("A", "ABAB"), ("B", "BABA")):
        doc = Doc(nlp.vocab, words=["x"] * 4)
        doc[0].tag_ = first
        (doc,) = nlp.pipe([doc], component_cfg={"rnn_tagger": {"confidence": True}})
        assert "".join(token.tag_ for token in doc) == expected
        assert doc[0]._.tag_confidence is None
        assert doc[1]._.tag_confidence > 0.6


def test_negative_labels_are_no_labels():
    nlp, tagger = make_tagger()
    reference = Doc(nlp.vocab, words=["old", "cats"], tags=["!NN", "NN"])
    initialize(nlp, [Example(nlp.make_doc("old cats"), reference)])
    assert tagger.labels == ("NN",)


def test_a_label_is_more_than_the_mark_of_negative_ones():
    nlp, _ = make_tagger()
    examples = [Example.from_dict(nlp.make_doc("no !"), {"tags": ["UH", "!"]})]
    with pytest.raises(ValueError, match=r'There is a label "!", .* set neg_prefix'):
        nlp.initialize(lambda: examples)
    nlp, tagger = make_tagger(neg_prefix="~")
    initialize(nlp, [Example.from_dict(nlp.make_doc("no !"), {"tags": ["UH", "!"]})])
    assert tagger.labels == ("!", "UH")


def test_parts_of_speech_are_universal():
    nlp, tagger = make_tagger(attr="pos")
    with pytest.raises(ValueError, match="no universal parts of speech: FOO"):
        tagger.initialize(lambda: make_pos_examples(nlp), labels=["FOO", "NOUN"])
    nlp, tagger = make_tagger(attr="pos")
    with pytest.raises(ValueError, match="no universal parts of speech: BAR"):
        tagger.add_label("BAR")


@pytest.mark.parametrize(
    ("output", "number", "message"),
    [
        ("softmax", 2, "cannot add any more labels"),
        ("softmax", 20, r"nO = 20 .* need 9: .* Set nO to null"),
        ("crf", 2, "cannot add any more labels"),
        ("crf", 20, r"nO = 20 .* need 9: .* Set nO to null"),
    ],
)
def test_another_number_of_scores_is_an_error(output, number, message):
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"model": {**OUTPUTS[output], "nO": number}})
    with pytest.raises(ValueError, match=message):
        initialize(nlp)


def test_scorers_of_spacy_fit():
    nlp, _ = make_tagger(scorer={"@scorers": "spacy.tagger_scorer.v1"})
    examples = initialize(nlp)
    assert nlp.evaluate(examples)["tag_acc"] is not None


@pytest.mark.parametrize("scorer", ["spacy.tagger_scorer.v1", "spacy.morphologizer_scorer.v1"])
def test_scorers_of_spacy_score_their_own_attribute(scorer):
    """Whatever the attribute of the tagger."""
    nlp, _ = make_tagger(attr="pos", scorer={"@scorers": scorer})
    examples = initialize(nlp)
    names = {"tag_acc"} if "tagger" in scorer else {"pos_acc", "morph_acc"}
    assert names <= nlp.evaluate(examples).keys()


def test_scores_of_another_name_have_to_be_weighted():
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", name="parts", config={"model": OUTPUTS["softmax"]})
    with pytest.warns(UserWarning, match=r"set parts_acc = 1\.0"):
        initialize(nlp)


def test_a_weight_of_the_attributes_accuracy_is_enough():
    """That of a config whose stock tagger was replaced under the same name."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", name="tagger", config={"model": OUTPUTS["softmax"]})
    weights = {"tag_acc": 1.0, "rnn_tagger_acc": 1.0}
    nlp.config = nlp.config.merge({"training": {"score_weights": weights}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        initialize(nlp)


@pytest.mark.parametrize("names", [["tagger", "rnn_tagger"], ["rnn_tagger", "tagger"]])
def test_it_hides_no_score_of_another_tagger(names):
    nlp = spacy.blank("en")
    for name in names:
        nlp.add_pipe(name)
    weights = nlp.config["training"]["score_weights"]
    assert weights["tag_acc"] == weights["rnn_tagger_acc"] == 0.5


@each_output
def test_a_second_pass_leaves_confidences(output):
    nlp, tagger = make_tagger(output, confidence=True)
    initialize(nlp)
    doc = nlp("cats slept in Oslo")
    confidences = [token._.tag_confidence for token in doc]
    assert None not in confidences
    assert [token._.tag_confidence for token in tagger(doc)] == confidences


@each_output
def test_confidences_are_probabilities(output):
    nlp, tagger = make_tagger(output)
    examples = initialize(nlp)
    take_steps(nlp, examples, 3)
    assert nlp("cats slept")[0]._.tag_confidence is None
    doc = nlp("cats slept in Oslo", component_cfg={"rnn_tagger": {"confidence": True}})
    confidences = [token._.tag_confidence for token in doc]
    assert all(type(each) is float for each in confidences)
    assert all(1 / len(tagger.labels) < each < 1 for each in confidences)


def test_softmax_confidence_is_that_of_normalised_scores():
    """Also where the model does so itself, as that of stock spaCy may."""
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": TOK2VEC}
    found = []
    for normalize in (False, True):
        nlp = spacy.blank("en")
        config = {"confidence": True, "model": {**model, "normalize": normalize}}
        nlp.add_pipe("rnn_tagger", config=config)
        take_steps(nlp, initialize(nlp), 3)
        found.append([token._.tag_confidence for token in nlp("cats slept in Oslo")])
    assert found[0] == pytest.approx(found[1], abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_that_of_stock_spacy(smoothing):
    nlp, tagger = make_tagger(label_smoothing=smoothing)
    examples = initialize(nlp)
    examples[0].reference[0].tag_ = ""
    if not smoothing:  # Stock spaCy does not have both.
        examples[1].reference[0].tag_ = "!NNP"
    scores, _ = tagger.model.begin_update([example.predicted for example in examples])
    loss, gradients = tagger.get_loss(examples, scores)
    stock = make_stock_pipeline(["tagger"], TOK2VEC["encode"]).get_pipe("tagger")
    for label in tagger.labels:
        stock.add_label(label)
    stock.cfg["label_smoothing"] = smoothing
    expected, expected_gradients = stock.get_loss(examples, scores)
    assert loss == pytest.approx(expected, rel=1e-5)
    for one, other in zip(gradients, expected_gradients, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@each_output
def test_tags_that_are_missing_are_learnt_from_others(output):
    nlp, _ = make_tagger(output)
    full = make_examples(nlp)
    partial = []
    for known in range(3):  # One word in three, in each copy others.
        for example in make_examples(nlp):
            for token in example.reference:
                if token.i % 3 != known:
                    token.tag_ = ""
            partial.append(example)
    initialize(nlp, full)
    take_steps(nlp, partial, 30)
    assert nlp.evaluate(full)["tag_acc"] > 0.9


def test_what_a_token_is_not_is_learnt_too():
    """With a CRF, all other labels are marginalised over."""
    nlp, tagger = make_tagger("crf")
    examples = initialize(nlp)
    labels = list(tagger.labels)
    examples[0].reference[0].tag_ = f"!{labels[2]}"
    allowed = tagger._allowed(tagger._gold_labels(examples[:1]))
    assert allowed[0].tolist() == [label != labels[2] for label in labels]
    assert allowed[1:].sum(axis=1).tolist() == [1] * (len(examples[0]) - 1)


@each_output
def test_a_single_label_is_enough(output):
    nlp, _ = make_tagger(output, **({"label_smoothing": 0.1} if output == "softmax" else {}))
    examples = [Example.from_dict(nlp.make_doc("cats slept"), {"tags": ["X", "X"]})]
    initialize(nlp, examples)
    take_steps(nlp, examples, 2)
    assert [token.tag_ for token in nlp("old cats")] == ["X", "X"]


def test_a_crf_learns_what_no_word_tells():
    """Tags alternate, whatever the words are."""
    nlp, _ = make_tagger("crf")
    words = ["a", "b", "b", "a", "a", "a", "b", "a", "b", "b"]
    tags = ["ONE", "TWO"] * 5
    examples = [
        Example.from_dict(Doc(nlp.vocab, words=words[start:]), {"tags": tags[: 10 - start]})
        for start in range(5)
    ]
    initialize(nlp, examples)
    take_steps(nlp, examples, 60)
    assert nlp.evaluate(examples)["tag_acc"] == 1.0
    (doc,) = nlp.pipe([Doc(nlp.vocab, words=list("bbbbaaaa"))])
    assert [token.tag_ for token in doc] == ["ONE", "TWO"] * 4


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"attr": "lemma"}, 'attr is "lemma"'),
        ({"model": {"output": "linear"}}, 'output is "linear"'),
        ({"model": {"output": "crf"}, "label_smoothing": 0.1}, "label_smoothing is 0.1"),
    ],
)
def test_wrong_settings_say_what_is_right(config, message):
    with pytest.raises(ValueError, match=message):
        spacy.blank("en").add_pipe("rnn_tagger", config=config)


@pytest.mark.parametrize("attr", ["tag", "pos", "morph"])
def test_labels_are_read_as_spacy_aligns_them(attr):
    """The short way, for the same tokens, and the long one, for others."""
    nlp, tagger = make_tagger(attr=attr)
    examples = initialize(nlp)
    for example in examples:
        first = example.reference[0]
        first.tag_, first.pos_ = "", ""
        first.set_morph(None)
        parts = [part for token in example.reference for part in (token.text[:1], token.text[1:])]
        other = Doc(nlp.vocab, words=[part for part in parts if part])
        for predicted in (example.predicted, other):
            each = Example(predicted, example.reference)
            expected = each.get_aligned(attr.upper(), as_string=True)
            assert tagger._gold_labels([each]) == [label or None for label in expected]


# Streams

FORWARD = {
    "@architectures": "spacy-rnn.RecurrentEncoder.v1",
    "width": 8,
    "bidirectional": False,
}


def make_forward_tagger(output, **settings):
    nlp = spacy.blank("en")
    tok2vec = {**TOK2VEC, "encode": {**FORWARD, **settings}}
    nlp.add_pipe("rnn_tagger", config={"model": {"output": output, "tok2vec": tok2vec}})
    return take_steps(nlp, initialize(nlp), 5)


@pytest.mark.parametrize(
    "settings",
    [
        {"cell": "gru", "depth": 2, "initial_state": "learned"},
        *({"cell": cell} for cell in CELLS),
    ],
    ids=str,
)
def test_a_stream_of_tokens_is_tagged_as_the_whole_text(settings):
    nlp = make_forward_tagger("softmax", **settings)
    doc = nlp("we don't like cats in Oslo", component_cfg={"rnn_tagger": {"confidence": True}})
    with nlp.get_pipe("rnn_tagger").stream() as stream:
        for token in doc:
            assert stream.feed(token) == token.tag_
            best = max(stream.probabilities().values())
            assert best == pytest.approx(token._.tag_confidence, abs=1e-5)
        stream.restart()
        assert stream.feed("we") == doc[0].tag_


def test_a_crf_tags_a_stream_by_what_came_so_far():
    nlp = make_forward_tagger("crf")
    tagger = nlp.get_pipe("rnn_tagger")
    crf = tagger.model.get_ref("crf").shims[0].network
    crf.end_transitions.data.zero_()  # What ends a text has no part in what came so far.
    words = ["the", "old", "cats", "slept", "in", "Oslo"]
    with tagger.stream() as stream:
        for length, word in enumerate(words, 1):
            label = stream.feed(word)
            scores = tagger.model.predict([Doc(nlp.vocab, words=words[:length])])
            for number, (name, probability) in enumerate(stream.probabilities().items()):
                path = np.full(length, number)
                marginals = label_probabilities(tagger.model.get_ref("crf"), scores, path)
                assert probability == pytest.approx(marginals[-1], abs=1e-5)
                assert probability <= stream.probabilities()[label], name


def test_streams_stand_side_by_side_and_are_stored():
    tagger = make_forward_tagger("crf").get_pipe("rnn_tagger")
    with tagger.stream() as one, tagger.stream() as other:
        with pytest.raises(ValueError, match="Nothing was read yet"):
            one.probabilities()
        one.feed("the")
        stored = one.to_bytes()
        one.feed("old")
        expected = one.probabilities()
        other.feed("Oslo")
        other.feed("old")
        assert other.probabilities() != expected
        assert len(other.to_bytes()) == len(stored)
    with tagger.stream(stored) as again:
        again.feed("old")
        assert again.probabilities() == expected
    with pytest.raises(ValueError, match="stream is closed"):
        again.feed("cats")


def test_what_no_stream_can_read():
    nlp, tagger = make_tagger()
    initialize(nlp)
    with pytest.raises(ValueError, match="train with bidirectional = false"):
        tagger.stream()
    nlp = spacy.blank("en")
    nlp.add_pipe("tok2vec")
    listener = {"@architectures": "spacy.Tok2VecListener.v1", "width": 96}
    nlp.add_pipe("rnn_tagger", config={"model": {"tok2vec": listener}})
    initialize(nlp)
    with pytest.raises(ValueError, match="needs a tok2vec of its own"):
        nlp.get_pipe("rnn_tagger").stream()


@pytest.mark.parametrize(
    ("attr", "annotation"),
    [
        ("tag", {"tags": ["PRP", "VBD"]}),
        ("pos", {"pos": ["PRON", "VERB"]}),
        ("morph", {"morphs": ["Case=Nom", "Tense=Past"]}),
    ],
)
def test_documents_of_another_vocabulary(attr, annotation):
    """They teach, also where their tokens are others, and are tagged."""
    nlp, annotator = spacy.blank("en"), spacy.blank("en")
    tagger = nlp.add_pipe("rnn_tagger", config={"attr": attr, "model": {"tok2vec": TOK2VEC}})
    gold = Doc(annotator.vocab, words=["we", "ran"], **annotation)
    examples = [Example(Doc(nlp.vocab, words=words), gold) for words in (["we", "ran"], ["weran"])]
    nlp.initialize(lambda: examples)
    (labels,) = annotation.values()
    assert tagger.labels == tuple(labels)
    optimizer = Adam(0.1)
    for _ in range(10):
        nlp.update(examples, sgd=optimizer)
    doc = tagger(Doc(spacy.blank("en").vocab, words=["we", "ran"]))
    assert [getattr(token, f"{attr}_", None) or str(token.morph) for token in doc] == labels


def test_a_confidence_is_that_of_a_label():
    """A label that is set later, by hand or by a ruler, has none."""
    nlp, _ = make_tagger("softmax", confidence=True)
    initialize(nlp)
    doc = nlp("we don't like cats")
    expected = [token._.tag_confidence for token in doc]
    doc[0].tag_ = "X"
    assert None not in expected
    assert [token._.tag_confidence for token in doc] == [None, *expected[1:]]
