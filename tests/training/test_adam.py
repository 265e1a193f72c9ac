"""Adam by torch's fused kernel, against torch's own optimizer and Thinc's."""

import numpy as np
import pytest
import spacy
import torch
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, registry

from spacy_rnn.training.adam import FusedAdam

KEY = (1, "W")
SHAPE = (4, 3)
STEPS = 12


def gradients():
    return np.random.default_rng(0).normal(size=(STEPS, *SHAPE)).astype("float32")


def weights():
    return np.random.default_rng(1).normal(size=SHAPE).astype("float32")


def follow(optimizer, **settings):
    """Let weights follow all gradients."""
    ours = weights()
    for gradient in gradients():
        optimizer(KEY, ours, gradient, **settings)
    return ours


@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.8)], ids=str)
def test_steps_are_those_of_torch(betas, decay):
    beta1, beta2 = betas
    optimizer = FusedAdam(0.01, beta1=beta1, beta2=beta2, L2=decay, grad_clip=0.0, eps=1e-3)
    theirs = torch.nn.Parameter(torch.from_numpy(weights()))
    torch_adam = torch.optim.AdamW([theirs], 0.005, betas, 1e-3, decay, foreach=False)
    for gradient in gradients():
        theirs.grad = torch.from_numpy(gradient)
        torch_adam.step()
    np.testing.assert_allclose(
        follow(optimizer, lr_scale=0.5), theirs.detach().numpy(), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("clip", [0.0, 0.7])
@pytest.mark.parametrize("decoupled", [False, True])
def test_all_else_is_as_in_thinc(decoupled, clip):
    """With an ε that is too small to matter, and a rate at which the order of decay is too.

    And with averages that begin with the first weights.
    """
    settings = {"L2": 0.5, "L2_is_weight_decay": decoupled, "grad_clip": clip, "eps": 1e-12}
    fused, thincs = FusedAdam(1e-4, **settings), Adam(1e-4, **settings)
    first = weights()
    Adam(1e-4, **settings)(KEY, first, next(iter(gradients())))
    thincs.averages[KEY] = first
    np.testing.assert_allclose(follow(fused), follow(thincs), atol=1e-6)
    np.testing.assert_allclose(fused.averages[KEY], thincs.averages[KEY], atol=1e-6)
    assert fused.nr_update == thincs.nr_update


def test_averages_end_up_following_slowly():
    fused = FusedAdam(0.0)
    fused.nr_update[KEY] = 10**6
    fused.averages[KEY] = np.zeros(SHAPE, "float32")
    ones = np.ones(SHAPE, "float32")
    fused(KEY, ones, np.ones_like(ones))
    np.testing.assert_allclose(fused.averages[KEY], 0.0001, rtol=1e-4)


def test_the_average_after_one_step_is_what_there_is():
    fused, ours = FusedAdam(0.01), weights()
    fused(KEY, ours, next(iter(gradients())))
    np.testing.assert_array_equal(fused.averages[KEY], ours)


def test_without_averages():
    assert FusedAdam(0.01, use_averages=False).averages is None
    follow(FusedAdam(0.01, use_averages=False))


def test_weights_change_in_place_and_gradients_are_spent():
    optimizer, ours = FusedAdam(0.01), weights()
    gradient = gradients()[0]
    changed, spent = optimizer(KEY, ours, gradient)
    assert changed is ours
    assert not np.array_equal(ours, weights())
    assert not spent.any()
    assert not gradient.any()


def test_no_weights_are_legal():
    none = np.zeros((0, 3), "float32")
    changed, _ = FusedAdam(0.01)(KEY, none, none.copy())
    assert changed is none


def other_order(array):
    return np.asfortranarray(array)


def every_other(array):
    return np.repeat(array, 2, axis=1)[:, ::2]


def doubled(array):
    return array.astype("float64")


@pytest.mark.parametrize("lay", [other_order, every_other, doubled])
@pytest.mark.parametrize("what", ["weights", "gradient"])
def test_arrays_may_lie_otherwise(lay, what):
    expected, _ = FusedAdam(0.01)(KEY, weights(), gradients()[0])
    given = {"weights": weights(), "gradient": gradients()[0]}
    given[what] = lay(given[what])
    found, spent = FusedAdam(0.01)(KEY, **given)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert not spent.any()


def test_owners_have_moments_of_their_own():
    optimizer = FusedAdam(0.01)
    alone = follow(FusedAdam(0.01))
    first, second = weights(), weights()
    for gradient in gradients():
        optimizer((1, "W"), first, gradient.copy())
        optimizer((2, "W"), second, -gradient)
    np.testing.assert_array_equal(first, alone)
    assert not np.array_equal(second, alone)


def test_settings_of_a_config_follow_schedules():
    warmup = {"@schedules": "warmup_linear.v1", "initial_rate": 0.1}
    config = {
        "@optimizers": "spacy-rnn.Adam.v1",
        "learn_rate": {**warmup, "warmup_steps": 2, "total_steps": 10},
        "L2": 0.25,
        "beta1": [0.5, 0.6],
    }
    optimizer = registry.resolve({"optimizer": config})["optimizer"]
    assert isinstance(optimizer, FusedAdam)
    assert optimizer.L2 == 0.25
    seen = []
    for _ in range(3):
        seen.append((optimizer.learn_rate, optimizer.b1))
        optimizer.step_schedules()
    assert seen == [(0.0, 0.5), (0.05, 0.6), (0.1, 0.6)]


def test_networks_and_layers_of_thinc_follow_it():
    """A tagger has both; what it learned and the averages of it are seen in predictions."""
    nlp = spacy.blank("en")
    nlp.add_pipe("rnn_tagger", config={"attr": "tag"})
    words, tags = ["one", "two", "one"], ["A", "B", "A"]
    docs = [Doc(nlp.vocab, words=words, tags=tags) for _ in range(4)]
    examples = [Example(doc.copy(), doc) for doc in docs]
    nlp.initialize(lambda: examples)
    optimizer = FusedAdam(0.01)
    losses = [nlp.update(examples, sgd=optimizer)["rnn_tagger"] for _ in range(20)]
    assert losses[-1] < losses[0] / 2
    model = nlp.get_pipe("rnn_tagger").model
    learned = model.predict(docs)[0]
    with nlp.use_params(optimizer.averages):
        averaged = model.predict(docs)[0]
    assert not np.allclose(averaged, learned)
    np.testing.assert_array_equal(model.predict(docs)[0], learned)
    assert {key[0] for key in optimizer.averages} >= {shim.id for shim in find_shims(model)}


def find_shims(model):
    return [shim for node in model.walk() for shim in node.shims]
