"""The encoders inside the components that spaCy comes with."""

import numpy as np
import pytest
from stock_pipelines import (
    COMPONENTS,
    ENCODERS,
    LONG_TEXT,
    PIPELINES,
    SCORES,
    TEXTS,
    assert_equal_weights,
    assert_same,
    copy_pipeline,
    find_tok2vec,
    initialize,
    make_examples,
    make_pipeline,
    parameters,
    predict,
    train,
    weights,
)

each_encoder = pytest.mark.parametrize("encoder", ENCODERS)
each_pipeline = pytest.mark.parametrize("pipeline", PIPELINES)
each_component = pytest.mark.parametrize("component", COMPONENTS)


@each_encoder
@each_pipeline
def test_components_learn_their_examples(trained, encoder, pipeline):
    nlp = trained(encoder, pipeline)
    scores = nlp.evaluate(make_examples(nlp))
    learnt = {name: scores[SCORES[name]] for name in PIPELINES[pipeline] if name in SCORES}
    assert min(learnt.values()) > 0.7, learnt


@each_encoder
@each_pipeline
def test_training_reaches_the_encoder_and_what_is_below(encoder, pipeline):
    nlp = make_pipeline(PIPELINES[pipeline], ENCODERS[encoder])
    examples = initialize(nlp)
    tok2vec = find_tok2vec(nlp)
    before = weights(tok2vec) | parameters(tok2vec)
    assert weights(tok2vec)
    train(nlp, examples, steps=2)
    after = weights(tok2vec) | parameters(tok2vec)
    assert [name for name in before if np.array_equal(before[name], after[name])] == []


@each_encoder
@each_pipeline
@pytest.mark.parametrize("way", ["disk", "bytes", "pickle"])
def test_a_new_process_predicts_the_same(trained, reloaded, encoder, pipeline, way):
    expected = predict(trained(encoder, pipeline), TEXTS)
    assert_same(reloaded(way)[encoder, pipeline], expected)


@each_encoder
@pytest.mark.parametrize("batch_size", [1, 3])
def test_any_batch_size_predicts_the_same(trained, encoder, batch_size):
    nlp = trained(encoder, "shared")
    assert_same(predict(nlp, TEXTS, batch_size), predict(nlp, TEXTS, 1000))


@each_encoder
def test_order_changes_no_prediction(trained, encoder):
    nlp = trained(encoder, "shared")
    assert_same(predict(nlp, TEXTS[::-1])[::-1], predict(nlp, TEXTS))


@each_encoder
def test_a_long_neighbour_changes_no_prediction(trained, encoder):
    nlp = trained(encoder, "shared")
    alone = predict(nlp, TEXTS)
    assert_same(predict(nlp, [LONG_TEXT, *TEXTS, LONG_TEXT])[1:-1], alone)


@each_encoder
@pytest.mark.parametrize("texts", [[], [""], ["   "], ["", "", ""]], ids=repr)
def test_batches_without_words(trained, encoder, texts):
    predictions = predict(trained(encoder, "shared"), texts)
    assert [len(each["vectors"]) for each in predictions] == [len(text) // 3 for text in texts]


@each_encoder
@each_component
def test_replaced_listener_predicts_the_same(trained, encoder, component):
    nlp = copy_pipeline(trained(encoder, "shared"))
    before = predict(nlp, TEXTS)
    nlp.replace_listeners("tok2vec", component, ["model.tok2vec"])
    assert weights(nlp.get_pipe(component).model)
    assert_same(predict(nlp, TEXTS), before)


@each_encoder
def test_replaced_listener_is_trained_apart(trained, encoder):
    """Its weights and the optimizer's memory of them are its own."""
    together, alone = (copy_pipeline(trained(encoder, "shared")) for _ in range(2))
    for nlp in (together, alone):
        nlp.replace_listeners("tok2vec", "tagger", ["model.tok2vec"])
    shared = weights(alone.get_pipe("tok2vec").model)

    train(together, make_examples(together), steps=3)
    with alone.select_pipes(enable="tagger"):
        train(alone, make_examples(alone), steps=3)

    assert_equal_weights(weights(alone.get_pipe("tok2vec").model), shared)
    own = weights(together.get_pipe("tagger").model)
    assert_equal_weights(own, weights(alone.get_pipe("tagger").model), atol=1e-6)
    assert not any(np.array_equal(own[name], shared[name]) for name in shared)
