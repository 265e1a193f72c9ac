"""What holds for each component of this package."""

import copy
import pickle

import numpy as np
import pytest
import spacy
import srsly
from contract_samples import SAMPLES, all_weights, make_pipeline, train
from spacy.tokens import Doc, DocBin
from stock_pipelines import TEXTS, assert_equal_weights, copy_pipeline
from thinc.api import SGD, Adam

each_sample = pytest.mark.parametrize("name", SAMPLES)
each_sample_with_labels = pytest.mark.parametrize(
    "name", [name for name, sample in SAMPLES.items() if sample.has_labels]
)


def predict(name, nlp, texts=TEXTS, **settings):
    return [SAMPLES[name].read(doc) for doc in nlp.pipe(texts, **settings)]


@each_sample
def test_defaults_make_it(name):
    nlp = spacy.blank("en")
    factory = SAMPLES[name].factory
    assert nlp.add_pipe(factory).is_trainable
    assert nlp.get_pipe_meta(factory).default_config["max_batch_tokens"] > 0


@each_sample
def test_it_learns_its_examples(trained_sample, name):
    nlp, sample = trained_sample(name), SAMPLES[name]
    assert nlp.evaluate(sample.make_examples(nlp))[sample.score] > sample.learned


@each_sample
def test_training_reaches_all_weights(name):
    nlp = train(SAMPLES[name], steps=0)
    before = all_weights(nlp)
    examples = SAMPLES[name].make_examples(nlp)
    optimizer = Adam(0.01)
    for _ in range(2):
        losses = nlp.update(examples, sgd=optimizer, drop=0.1)
    assert all(type(loss) is float for loss in losses.values())
    after = all_weights(nlp)
    same = [key for key in before if np.array_equal(before[key], after[key])]
    assert [key for key in same if not key.endswith("_allowed")] == []


@each_sample
def test_accumulated_gradients_equal_one_batch(name):
    """Also where a part has many more words than the other; plain descent shows any factor."""
    whole = train(SAMPLES[name], steps=2)
    parts = copy_pipeline(whole)
    before = all_weights(whole)
    losses = {}, {}
    examples = SAMPLES[name].make_examples(whole)
    whole.update(examples, sgd=False, losses=losses[0])
    for part in (examples[:1], examples[1:]):
        parts.update(part, sgd=False, losses=losses[1])
    for nlp in (whole, parts):
        assert_equal_weights(all_weights(nlp), before)
        ((_, component),) = nlp.pipeline
        component.finish_update(SGD(0.5, L2=0.0, grad_clip=0.1))
    after = all_weights(whole)
    assert any(not np.array_equal(before[key], after[key]) for key in before)
    for key, split in all_weights(parts).items():
        step = np.abs(after[key] * 1.0 - before[key]).max()
        np.testing.assert_allclose(split, after[key], rtol=0, atol=1e-5 * step + 1e-7)
    if "classifier" not in name:  # spaCy's loss of these is a mean.
        assert losses[1] == pytest.approx(losses[0], rel=1e-5)


@each_sample
@pytest.mark.parametrize("way", ["bytes", "disk", "pickle", "deepcopy"])
def test_it_survives_storage(trained_sample, name, way, tmp_path):
    """With the same bytes, however often."""
    nlp = trained_sample(name)
    if way == "bytes":
        again = copy_pipeline(nlp)
    elif way == "disk":
        nlp.to_disk(tmp_path)
        again = spacy.load(tmp_path)
    elif way == "pickle":
        again = pickle.loads(pickle.dumps(nlp))
    else:
        again = copy.deepcopy(nlp)
    assert predict(name, again) == predict(name, nlp)
    stored, stored_again = (
        [pipe.to_bytes(exclude=["vocab"]) for _, pipe in each.pipeline] for each in (nlp, again)
    )
    assert stored == stored_again


@each_sample
def test_documents_survive_storage(trained_sample, name):
    """What is written is plain: it goes through bytes and comes back."""
    nlp = trained_sample(name)
    docs = list(nlp.pipe(TEXTS))
    stored = DocBin(store_user_data=True, docs=docs).to_bytes()
    read = SAMPLES[name].read
    again = DocBin().from_bytes(stored).get_docs(nlp.vocab)
    assert [read(doc) for doc in again] == [read(doc) for doc in docs]


@each_sample
@pytest.mark.parametrize("max_batch_tokens", [1, 10, 100_000])
def test_batches_change_nothing(trained_sample, name, max_batch_tokens):
    nlp = trained_sample(name)
    expected = predict(name, nlp)
    (component,) = (pipe for _, pipe in nlp.pipeline)
    before, component.max_batch_tokens = component.max_batch_tokens, max_batch_tokens
    try:
        assert predict(name, nlp, batch_size=3) == expected
        assert predict(name, nlp, TEXTS[::-1])[::-1] == expected
        assert [SAMPLES[name].read(nlp(text)) for text in TEXTS] == expected
    finally:
        component.max_batch_tokens = before


@pytest.mark.parametrize(
    "name", ["morphology", "n best", "classifier", "translator", "language model"]
)
def test_two_processes_predict_the_same(trained_sample, name):
    nlp = trained_sample(name)
    assert predict(name, nlp, n_process=2, batch_size=4) == predict(name, nlp)


@each_sample
@pytest.mark.parametrize("texts", [[], [""], ["   "], ["", "", ""]], ids=repr)
def test_batches_without_words(trained_sample, name, texts):
    nlp = trained_sample(name)
    assert len(predict(name, nlp, texts)) == len(texts)
    assert len(nlp.get_pipe(nlp.pipe_names[0]).predict([])) == 0


@each_sample_with_labels
def test_examples_without_words_or_annotation_teach_nothing(trained_sample, name):
    nlp = copy_pipeline(trained_sample(name))
    before = all_weights(nlp)
    docs = [nlp.make_doc(text) for text in ("", "  ", "old cats")]
    blank = [spacy.training.Example(doc, doc.copy()) for doc in docs]
    for batch in ([], blank[:1], blank):
        losses = nlp.update(batch, sgd=Adam(0.0))
        assert sum(losses.values()) == pytest.approx(0.0, abs=1e-4)
    assert_equal_weights(all_weights(nlp), before, atol=1e-6)


@each_sample
def test_it_is_found_in_other_pipelines(trained_sample, name):
    """As a source, also of a component that listens to nothing else."""
    source = trained_sample(name)
    nlp = spacy.blank("en")
    nlp.add_pipe(source.pipe_names[0], source=source)
    assert predict(name, nlp) == predict(name, source)


@each_sample
def test_frozen_it_keeps_its_weights(trained_sample, name):
    nlp = copy_pipeline(trained_sample(name))
    before = all_weights(nlp)
    examples = SAMPLES[name].make_examples(nlp)
    nlp.update(examples, sgd=Adam(0.01), exclude=nlp.pipe_names)
    assert_equal_weights(all_weights(nlp), before)


@each_sample
def test_one_bad_document_costs_the_others_nothing(trained_sample, name, monkeypatch):
    nlp = trained_sample(name)
    (component,) = (pipe for _, pipe in nlp.pipeline)
    write = component.set_annotations

    def fail(docs, scores):
        if any(doc.text == "cats" for doc in docs):
            raise ValueError("bad")
        write(docs, scores)

    expected = predict(name, nlp, [text for text in TEXTS if text != "cats"])
    monkeypatch.setattr(component, "set_annotations", fail)
    with pytest.raises(ValueError, match="bad"):
        predict(name, nlp)
    failed = []
    nlp.set_error_handler(lambda _, pipe, docs, error: failed.extend(docs))
    try:
        assert predict(name, nlp) == expected
    finally:
        nlp.set_error_handler(spacy.util.raise_error)
    assert [doc.text for doc in failed] == ["cats"]


@each_sample
def test_labels_are_written_for_later(trained_sample, name, tmp_path):
    """As `spacy init labels` and a config that reads its files do."""
    path = tmp_path / "labels.json"
    (component,) = (pipe for _, pipe in trained_sample(name).pipeline)
    nlp = make_pipeline(SAMPLES[name])
    ((given, other),) = nlp.pipeline
    examples = SAMPLES[name].make_examples(nlp)[:1]
    srsly.write_json(path, component.label_data)
    labels = {"@readers": "spacy.read_labels.v1", "path": str(path), "require": True}
    nlp.config["initialize"]["components"][given] = {"labels": labels}
    nlp.initialize(lambda: examples)
    assert other.labels == component.labels
    assert other.label_data == component.label_data


@each_sample_with_labels
def test_labels_that_came_too_late_are_an_error_that_lists_them(name):
    nlp = make_pipeline(SAMPLES[name])
    examples = SAMPLES[name].make_examples(nlp)
    nlp.initialize(lambda: examples[:1])
    with pytest.raises(ValueError, match=r"not known at initialization: \w"):
        nlp.update(examples, sgd=Adam(0.01))


@each_sample_with_labels
def test_initialize_without_labels_says_so(name):
    nlp = make_pipeline(SAMPLES[name])
    doc = Doc(nlp.vocab, words=["cats"])
    with pytest.raises(ValueError, match=r"(?i)labels"):
        nlp.initialize(lambda: [spacy.training.Example(doc, doc.copy())])


@each_sample
def test_wrong_batch_sizes_are_an_error(name):
    with pytest.raises(ValueError, match="max_batch_tokens is 0"):
        spacy.blank("en").add_pipe(SAMPLES[name].factory, config={"max_batch_tokens": 0})


@each_sample
def test_long_documents_work(trained_sample, name):
    nlp = trained_sample(name)
    short = "the old bird saw Ben in Berlin . "
    doc = nlp(short * 200)
    assert len(doc) == 1600
    assert SAMPLES[name].read(doc)
