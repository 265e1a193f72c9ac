"""Rehearsal, of all components: they learn again what they predicted before."""

import numpy as np
import pytest
import spacy
from contract_samples import SAMPLES, all_weights
from spacy.training import Example
from stock_pipelines import assert_equal_weights, copy_pipeline
from thinc.api import Adam

each_sample = pytest.mark.parametrize("name", SAMPLES)


@pytest.fixture
def nlp(trained_sample, name):
    return copy_pipeline(trained_sample(name))


def raw_examples(nlp, name):
    """Give the texts that were learnt, without annotation."""
    docs = [example.predicted for example in SAMPLES[name].make_examples(nlp)]
    return [Example(nlp.make_doc(doc.text), nlp.make_doc(doc.text)) for doc in docs]


def disturb(nlp, size=0.05):
    """Change all weights a little, as learning something else would."""
    ((_, component),) = nlp.pipeline
    random = np.random.default_rng(0)
    for node in component.model.walk():
        for key in node.param_names:
            param = node.get_param(key)
            node.set_param(key, param + random.normal(0, size, param.shape).astype(param.dtype))
        for shim in node.shims:
            for parameter in shim.network.parameters():
                parameter.data += parameter.new_tensor(random.normal(0, size, parameter.shape))


@each_sample
def test_without_resume_training_nothing_changes(name, nlp):
    before = all_weights(nlp)
    assert nlp.rehearse(raw_examples(nlp, name), sgd=Adam(0.01)) == {nlp.pipe_names[0]: 0.0}
    assert_equal_weights(all_weights(nlp), before)


@each_sample
def test_rehearsal_brings_predictions_back(name, nlp):
    ((_, component),) = nlp.pipeline
    nlp.resume_training(sgd=Adam(0.01))
    disturb(nlp)
    examples = raw_examples(nlp, name)
    found = [component.rehearse(examples, sgd=Adam(0.003))[component.name] for _ in range(15)]
    assert all(type(loss) is float for loss in found)
    assert found[-1] < 0.6 * found[0]


@each_sample
def test_a_pipeline_rehearses_by_the_optimizer_of_spacy(name, nlp):
    nlp.resume_training(sgd=Adam(0.01))
    disturb(nlp)
    before = all_weights(nlp)
    losses = nlp.rehearse(raw_examples(nlp, name), losses={})
    assert all(type(loss) is float for loss in losses.values())
    assert any(not np.array_equal(before[key], each) for key, each in all_weights(nlp).items())


@pytest.mark.parametrize("name", [name for name, each in SAMPLES.items() if each.has_labels])
def test_labels_that_are_new_take_no_part(name, nlp):
    """What did not exist then was not predicted then."""
    ((_, component),) = nlp.pipeline
    examples = raw_examples(nlp, name)
    nlp.resume_training(sgd=Adam(0.01))
    component.add_label("New=Yes")
    loss = component.rehearse(examples)[component.name]
    assert loss == pytest.approx(0.0, abs=1e-4)


def test_of_a_crf_rehearsal_is_the_divergence_of_its_distributions(trained_sample):
    """Summed up over all sequences of labels of a short text."""
    nlp = copy_pipeline(trained_sample("CRF tagger"))
    tagger = nlp.get_pipe("rnn_tagger")
    nlp.resume_training(sgd=Adam(0.01))
    disturb(nlp, 0.3)
    doc = nlp.make_doc("cats slept")
    logs = []
    for model in (tagger._rehearsal_model, tagger.model):
        (scores,) = model.predict([doc])
        network = model.get_ref("crf").shims[0].network
        transitions, start, end = (each.detach().numpy() for each in network.parameters())
        totals = (scores[0] + start)[:, None] + transitions + (scores[1] + end)[None]
        logs.append(totals - np.log(np.exp(totals.astype("float64")).sum()))
    expected = (np.exp(logs[0]) * (logs[0] - logs[1])).sum()
    loss = tagger.rehearse([Example(doc, doc.copy())])["rnn_tagger"]
    assert loss == pytest.approx(expected, rel=1e-3)


def test_a_pipeline_of_several_components_rehearses(trained_sample):
    nlp = spacy.blank("en")
    for name in ("CRF tagger", "classifier", "language model", "translator"):
        source = trained_sample(name)
        nlp.add_pipe(source.pipe_names[0], source=source)
    nlp.resume_training()
    losses = nlp.rehearse(raw_examples(nlp, "tagger")[:3])
    assert losses.keys() == set(nlp.pipe_names)
