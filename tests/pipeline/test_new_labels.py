"""Labels that come after training: old ones stay exactly as they were, new ones are learnt."""

import numpy as np
import pytest
import spacy
from contract_samples import SAMPLES, component_of, make_pipeline
from spacy.tokens import Doc, Span
from spacy.training import Example
from stock_pipelines import TEXTS, copy_pipeline
from thinc.api import SGD, Adam, RAdam

from spacy_rnn.training.adam import create_adam_v1

LABELLERS = [name for name, sample in SAMPLES.items() if sample.has_labels]
each_labeller = pytest.mark.parametrize("name", LABELLERS)
NEW = "New=Yes"


@pytest.fixture
def nlp(trained_sample, name):
    return copy_pipeline(trained_sample(name))


def make_new_examples(nlp):
    """Make examples of the new label, whatever has it."""
    examples = []
    for text in ("shiny things", "a shiny thing here"):
        doc = nlp.make_doc(text)
        reference = Doc(nlp.vocab, words=[token.text for token in doc])
        for token in reference:
            token.tag_ = NEW
            token.set_morph(NEW)
        reference.set_ents([Span(reference, len(doc) - 1, len(doc), NEW)])
        reference.cats = {NEW: 1.0}
        examples.append(Example(doc, reference))
    return examples


def scores_of(nlp):
    docs = [nlp.make_doc(text) for text in TEXTS if text.strip()]
    predicted = component_of(nlp).model.predict(docs)
    return np.concatenate([np.atleast_2d(each) for each in predicted])


def predict(name, nlp):
    found = []
    for doc in nlp.pipe(TEXTS):
        read = SAMPLES[name].read(doc)
        if isinstance(read, dict):
            assert read.pop(NEW, 0.0) == 0.0
        found.append(read)
    return found


@each_labeller
def test_old_labels_stay_as_they_were(name, nlp):
    component = component_of(nlp)
    labels, scores, predictions = component.labels, scores_of(nlp), predict(name, nlp)
    assert component.add_label(NEW) == 1
    assert component.add_label(NEW) == 0
    assert component.labels == (*labels, NEW)
    assert component.label_data == (*labels, NEW)
    np.testing.assert_array_equal(scores_of(nlp)[:, : scores.shape[1]], scores)
    assert predict(name, nlp) == predictions
    stored = make_pipeline(SAMPLES[name]).from_bytes(nlp.to_bytes())
    assert component_of(stored).labels == component.labels
    assert predict(name, stored) == predictions


@each_labeller
@pytest.mark.parametrize("make", [Adam, create_adam_v1])
def test_new_labels_are_learnt_by_an_optimizer_that_has_moments(name, nlp, make):
    sample, component = SAMPLES[name], component_of(nlp)
    examples, new = sample.make_examples(nlp), make_new_examples(nlp)
    optimizer = make(0.01)
    nlp.update(examples, sgd=optimizer)
    with pytest.raises(ValueError, match=rf"{NEW}\. Add them by add_label"):
        nlp.update(new, sgd=optimizer)
    component.add_label(NEW)
    for _ in range(25):
        nlp.update(examples + new, sgd=optimizer)
    with nlp.use_params(optimizer.averages):
        assert nlp.evaluate(examples + new)[sample.score] > 0.9
        assert nlp.evaluate(new)[sample.score] == 1.0
        stored = make_pipeline(sample).from_bytes(nlp.to_bytes())
    assert stored.evaluate(new)[sample.score] == 1.0


@each_labeller
@pytest.mark.parametrize("make", [RAdam, SGD])
def test_no_optimizer_stumbles_over_new_labels(name, nlp, make):
    optimizer = make(0.01)
    examples = SAMPLES[name].make_examples(nlp)
    nlp.update(examples, sgd=optimizer)
    component_of(nlp).add_label(NEW)
    size = scores_of(nlp).shape
    nlp.update(examples + make_new_examples(nlp), sgd=optimizer)
    assert scores_of(nlp).shape == size


@each_labeller
def test_initialize_begins_anew_with_more_labels(name, nlp):
    sample, component = SAMPLES[name], component_of(nlp)
    labels = component.labels
    examples = sample.make_examples(nlp) + make_new_examples(nlp)
    nlp.initialize(lambda: examples)
    assert component.labels == (*labels, NEW)
    optimizer = Adam(0.01)
    for _ in range(sample.steps):
        nlp.update(examples, sgd=optimizer)
    assert nlp.evaluate(examples)[sample.score] > 0.9


@each_labeller
def test_a_fixed_number_of_labels_stays(name):
    sample = SAMPLES[name]
    nlp = make_pipeline(sample)
    examples = sample.make_examples(nlp)
    nlp.initialize(lambda: examples)
    size = component_of(nlp).model.get_dim("nO")
    fixed = spacy.blank("en")
    component = fixed.add_pipe(
        sample.factory, config={**sample.config, "model": {**sample.config["model"], "nO": size}}
    )
    fixed.initialize(lambda: examples)
    with pytest.raises(ValueError, match="E922"):
        component.add_label(NEW)


def test_preset_entities_of_a_new_label_stay(trained_sample):
    nlp = copy_pipeline(trained_sample("ner"))
    nlp.get_pipe("rnn_ner").add_label(NEW)
    doc = nlp.make_doc("Anna saw Ben")
    doc.set_ents([Span(doc, 1, 2, NEW)], default="missing")
    (doc,) = nlp.pipe([doc])
    assert (1, 2, NEW) in [(entity.start, entity.end, entity.label_) for entity in doc.ents]


def test_a_part_of_speech_that_there_is_not_is_refused_after_training_too():
    nlp = spacy.blank("en")
    tagger = nlp.add_pipe("rnn_tagger", config={"attr": "pos"})
    example = Example.from_dict(nlp.make_doc("it ran"), {"pos": ["PRON", "VERB"]})
    nlp.initialize(lambda: [example])
    with pytest.raises(ValueError, match="no universal parts of speech: XYZ"):
        tagger.add_label("XYZ")
    assert tagger.add_label("NOUN") == 1
