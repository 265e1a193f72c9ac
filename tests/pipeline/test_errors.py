"""What is no training data, no labels or no setting is refused, by errors of spaCy if possible."""

import pytest
import spacy
from contract_samples import SAMPLES, make_pipeline
from spacy.tokens import Doc
from spacy.vectors import Vectors

FIRST = {sample.factory: name for name, sample in reversed(SAMPLES.items())}
each_factory = pytest.mark.parametrize("name", FIRST.values(), ids=FIRST.keys())
each_labeller = pytest.mark.parametrize(
    "name", [name for name in FIRST.values() if SAMPLES[name].has_labels]
)


@pytest.fixture
def make(name):
    nlp = make_pipeline(SAMPLES[name])
    ((_, component),) = nlp.pipeline
    return nlp, component


@each_factory
@pytest.mark.parametrize(
    ("get_examples", "code"),
    [
        (None, "E930"),
        ([], "E930"),
        (lambda: None, "E930"),
        (lambda: 5, "E978"),
        (lambda: [1], "E978"),
        (lambda: [Doc(spacy.blank("en").vocab, words=["a"])], "E978"),
    ],
)
def test_what_is_no_function_of_examples(make, get_examples, code):
    _, component = make
    with pytest.raises(TypeError, match=code):
        component.initialize(get_examples)


@each_factory
def test_initialize_without_data(make):
    """For which spaCy makes a document of three words up."""
    nlp, _ = make
    with pytest.raises(ValueError, match=r"E143|E867|nlp\.initialize was called without any"):
        nlp.initialize()


@each_factory
@pytest.mark.parametrize("batch", [None, 1, [1], "x"], ids=repr)
def test_updates_without_examples(make, batch):
    _, component = make
    with pytest.raises(TypeError, match="E978"):
        component.update(batch)


@each_factory
def test_a_batch_may_be_read_once_only(make, name):
    nlp, component = make
    examples = SAMPLES[name].make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert component.update(iter(examples))[component.name] > 0


@each_factory
@pytest.mark.parametrize(
    "labels", ["xy", "", 5, {}, {"a": 1}, "{}", "[1]", '{"kind": 5, "vocabulary": ""}'], ids=repr
)
def test_wrong_labels(make, name, labels):
    """A string is none, nor is a dictionary: its letters and keys would be labels."""
    nlp, component = make
    examples = SAMPLES[name].make_examples(nlp)
    with pytest.raises(ValueError, match="spacy init labels"):
        component.initialize(lambda: examples, labels=labels)


@each_labeller
def test_no_labels(make, name):
    nlp, component = make
    examples = SAMPLES[name].make_examples(nlp)
    with pytest.raises(ValueError, match=r"E143|E867"):
        component.initialize(lambda: examples, labels=[])
    with pytest.raises(ValueError, match="E187"):
        component.initialize(lambda: examples, labels=[1])


@pytest.mark.parametrize("side", ["zz", "00", "", 5], ids=repr)
def test_labels_of_a_translator_that_are_no_vocabulary(side):
    nlp = make_pipeline(SAMPLES["translator"])
    examples = SAMPLES["translator"].make_examples(nlp)
    labels = {"source": side, "target": side}
    with pytest.raises(ValueError, match="is a sentencepiece model in hexadecimal"):
        nlp.get_pipe("rnn_translator").initialize(lambda: examples, labels=labels)


def test_labels_of_a_language_model_of_other_units():
    nlp = make_pipeline(SAMPLES["language model"])
    component = nlp.get_pipe("rnn_lm")
    examples = SAMPLES["language model"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    other = spacy.blank("en").add_pipe("rnn_lm", config={"units": "characters"})
    with pytest.raises(ValueError, match='a vocabulary of words, but units is "characters"'):
        other.initialize(lambda: examples, labels=component.label_data)


@each_factory
def test_use_before_initialize(make):
    nlp, _ = make
    for use in (lambda: nlp("a cat"), lambda: list(nlp.pipe(["a cat", "cats"]))):
        with pytest.raises(ValueError, match=r"E109|initialize"):
            use()


@each_factory
def test_batch_size_is_a_setting_of_a_call(make, name):
    nlp, component = make
    examples = SAMPLES[name].make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp("cats", component_cfg={component.name: {"batch_size": 3}}).text == "cats"


def test_static_vectors_that_are_not_there():
    nlp = spacy.blank("en")
    nlp.vocab.vectors = Vectors(shape=(1, 4))
    nlp.vocab.vectors.name = "test"
    nlp.vocab.set_vector("cats", [1.0, 0.0, 0.0, 0.0])
    embed = {"include_static_vectors": True}
    nlp.add_pipe("rnn_tagger", config={"model": {"tok2vec": {"embed": embed}}})
    examples = SAMPLES["tagger"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    assert nlp("cats")[0].tag_
    other = spacy.blank("en")
    with pytest.warns(UserWarning, match="W113"):
        other.add_pipe("rnn_tagger", source=nlp)
    with pytest.raises(RuntimeError, match="E896"):
        other("cats")


def test_a_prefix_that_is_no_text():
    nlp = make_pipeline(SAMPLES["translator"])
    examples = SAMPLES["translator"].make_examples(nlp)
    nlp.initialize(lambda: examples)
    docs = [nlp.make_doc("cats"), nlp.make_doc("cats")]
    docs[0]._.translation_prefix = 5
    errors = []
    nlp.set_error_handler(lambda name, component, docs, error: errors.append(str(error)))
    assert list(nlp.pipe(docs)) == docs[1:]
    assert errors == [
        "doc._.translation_prefix is 5: set it to the text that the translation begins with, or "
        "to None"
    ]
