"""Encoders do what spaCy asks of an encoder, whatever comes in."""

import inspect
from importlib.metadata import entry_points
from itertools import product

import numpy as np
import pytest
import spacy
import torch
from thinc.api import SGD, fix_random_seed, set_dropout_rate
from torch import nn
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings

ENCODERS = (
    "spacy-rnn.RecurrentEncoder.v1",
    "spacy-rnn.BiLSTMEncoder.v1",
    "spacy-rnn.BiGRUEncoder.v1",
)
BIDIRECTIONAL = ENCODERS[1:]
TORCH_NETWORKS = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn_tanh": nn.RNN, "rnn_relu": nn.RNN}
DIRECTIONS = {
    "one direction": {"bidirectional": False},
    "concat": {"merge": "concat"},
    "sum": {"merge": "sum"},
}
OPTIONS = {
    "plain": {},
    "residual": {"residual": True},
    "layer norm": {"layer_norm": True},
    "learned start": {"initial_state": "learned"},
    "all": {"residual": True, "layer_norm": True, "initial_state": "learned"},
}
LENGTHS = [4, 0, 1, 7, 0, 2]

every_encoder = pytest.mark.parametrize("name", ENCODERS)
# What a cell computes is tested with the networks; here, one cell for each scan.
every_scan = pytest.mark.parametrize("cell", ["lstm", "gru", "rnn_tanh", "mgu"])


def architecture(name="spacy-rnn.RecurrentEncoder.v1"):
    return spacy.registry.get("architectures", name)


def build(documents, name="spacy-rnn.RecurrentEncoder.v1", *, width=8, depth=1, **settings):
    """Build an encoder without dropout whose every parameter is random.

    A bias, a norm or a first state that is still at its start would hide mistakes.
    """
    model = architecture(name)(width, depth, **{"dropout": 0.0, **settings})
    model.initialize(X=documents([2]))
    for parameter in network_of(model).parameters():
        nn.init.normal_(parameter, std=0.3)
    return model


def network_of(model):
    return model.shims[0].network


def parameters_of(model):
    return [parameter.detach().clone() for parameter in network_of(model).parameters()]


def gradients_of(model):
    return [parameter.grad.clone() for parameter in network_of(model).parameters()]


def assert_close(left, right, **tolerances):
    """Compare lists of arrays."""
    assert len(left) == len(right)
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, **{"rtol": 1e-4, "atol": 1e-5, **tolerances})


def are_equal(left, right):
    return len(left) == len(right) and all(map(np.array_equal, left, right))


# What is registered


def test_all_registered_encoders_are_tested():
    registered = {point.name for point in entry_points(group="spacy_architectures")}
    assert set(ENCODERS) == {
        name for name in registered if name.startswith("spacy-rnn.") and "Encoder" in name
    } - {"spacy-rnn.LMEncoder.v1"}  # It reads documents.


@every_encoder
def test_registered_encoder_encodes(name, documents):
    model = architecture(name)(width=8, depth=2, dropout=0.1)
    tokens = documents(LENGTHS, width=5)
    model.initialize(X=tokens)
    encoded, backprop = model.begin_update(tokens)
    assert [each.shape for each in encoded] == [(length, 8) for length in LENGTHS]
    assert [each.shape for each in backprop(encoded)] == [(length, 5) for length in LENGTHS]
    assert [each.shape for each in model.predict(tokens)] == [(length, 8) for length in LENGTHS]
    assert {each.dtype for each in model.predict(tokens)} == {np.dtype("float32")}


@pytest.mark.parametrize("name", BIDIRECTIONAL)
def test_signature_is_that_of_the_stock_encoder(name):
    """One line of a config changes, and nothing else."""
    stock = architecture("spacy.TorchBiLSTMEncoder.v1")
    parameters = inspect.signature(architecture(name)).parameters
    assert list(parameters.values()) == list(inspect.signature(stock).parameters.values())


@pytest.mark.parametrize(("name", "cell"), [(ENCODERS[1], "lstm"), (ENCODERS[2], "gru")])
def test_short_forms_are_recurrent_encoders(name, cell, documents):
    model = build(documents, name, depth=2)
    tokens = documents(LENGTHS)
    long_form = architecture()(8, 2, cell=cell).from_bytes(model.to_bytes())
    assert are_equal(long_form.predict(tokens), model.predict(tokens))


@every_encoder
def test_encoder_trains_in_a_stock_pipeline(name):
    nlp = spacy.blank("en")
    embed = {
        "@architectures": "spacy.MultiHashEmbed.v2",
        "width": 6,
        "attrs": ["NORM"],
        "rows": [50],
        "include_static_vectors": False,
    }
    encode = {"@architectures": name, "width": 8, "depth": 1, "dropout": 0.0}
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": embed, "encode": encode}
    nlp.add_pipe("tagger", config={"model": {"tok2vec": tok2vec}})
    # Only the words around a word determine its tag.
    texts = {"a x b": ["A", "X", "A"], "b x a": ["A", "Y", "A"]}
    examples = [
        spacy.training.Example.from_dict(nlp.make_doc(text), {"tags": tags})
        for text, tags in texts.items()
    ]
    optimizer = nlp.initialize(lambda: examples)
    optimizer.learn_rate = 0.03
    for _ in range(100):
        nlp.update(examples, sgd=optimizer)
    assert {text: [token.tag_ for token in nlp(text)] for text in texts} == texts


NOISES = ["dropout_input", "dropout_layers", "dropout_output", "word_dropout", "weight_drop"]
ZONEOUTS = ["zoneout_hidden", "zoneout_cell"]
SETTINGS = {
    "cell": "gru",
    "bidirectional": False,
    "merge": "sum",
    "residual": True,
    "layer_norm": True,
    "initial_state": "learned",
    "forget_bias": 2.0,
    "chrono_init": 20,
    "cell_width": 6,
    "heads": 2,
    **dict.fromkeys([*NOISES, *ZONEOUTS], 0.5),
}


OF_A_CELL = {"cell_width": {"cell": "lstmp"}, "heads": {"cell": "mlstm"}}


def test_all_settings_of_the_network_are_tested():
    settings = inspect.signature(architecture()).parameters.keys()
    assert settings - SETTINGS.keys() == {"width", "depth", "dropout", "mixed_precision"}


@pytest.mark.parametrize(("setting", "value"), SETTINGS.items())
def test_setting_reaches_the_network(setting, value, documents):
    """The same weights from the same seed, and the same outputs, noise included."""
    tokens = documents(LENGTHS)
    batch = torch.tensor(np.concatenate(tokens)), torch.tensor(LENGTHS)
    given = {setting: value, **OF_A_CELL.get(setting, {})}
    model = architecture()(8, 2, **given)
    fix_random_seed(1)
    model.initialize(X=tokens)
    trained, predicted = model.begin_update(tokens)[0], model.predict(tokens)
    fix_random_seed(1)
    network = RecurrentNetwork(6, RecurrentSettings(8, 2, **given))
    assert_close(np.concatenate(trained), network(*batch)[0].detach())
    assert_close(np.concatenate(predicted), network.eval()(*batch)[0].detach())
    assert network_of(model).state_dict().keys() == network.state_dict().keys()


# Numbers


@every_scan
@pytest.mark.parametrize("directions", DIRECTIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_prediction_does_not_depend_on_the_batch(cell, directions, options, documents):
    settings = DIRECTIONS[directions] | OPTIONS[options]
    model = build(documents, cell=cell, width=4, depth=2, **settings)
    tokens = documents(LENGTHS)
    (neighbour,) = documents([3000])
    alone = [model.predict([document])[0] for document in tokens]
    assert_close(model.predict(tokens), alone)
    assert_close(model.predict(tokens[::-1])[::-1], alone)
    assert_close(model.predict([neighbour, *tokens])[1:], alone)
    assert_close(model.predict([*tokens, neighbour])[:-1], alone)


@every_scan
@pytest.mark.parametrize("directions", DIRECTIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_training_does_not_depend_on_the_batch(cell, directions, options, documents):
    """What goes out and all gradients are the same alone and together.

    Alone, the gradients of several backward passes add up, as in a step over sub-batches.
    """
    settings = DIRECTIONS[directions] | OPTIONS[options]
    model = build(documents, cell=cell, width=4, depth=2, **settings)
    tokens, d_outputs = documents([5, 1, 90, 2]), documents([5, 1, 90, 2], width=4)
    together, backprop = model.begin_update(tokens)
    d_together = backprop(d_outputs)
    gradients = gradients_of(model)
    network_of(model).zero_grad()
    # All forward passes come first, so that each callback has to remember its own.
    passes = [model.begin_update([document]) for document in tokens]
    d_alone = [
        backprop([d_output])[0] for (_, backprop), d_output in zip(passes, d_outputs, strict=True)
    ]
    assert_close([encoded[0] for encoded, _ in passes], together)
    assert_close(d_alone, d_together)
    assert_close(gradients_of(model), gradients, atol=1e-4)


@every_encoder
def test_two_backward_passes_make_one_step(name, documents):
    model = build(documents, name)
    tokens, d_outputs = documents(LENGTHS), documents(LENGTHS, width=8)
    start = model.to_bytes()

    def weights_after(*batches):
        model.from_bytes(start)
        for batch in batches:
            _, backprop = model.begin_update(tokens[batch])
            backprop(d_outputs[batch])
        model.finish_update(SGD(0.1, grad_clip=0.0))
        return parameters_of(model)

    halves = weights_after(slice(0, 3), slice(3, None))
    assert_close(halves, weights_after(slice(None)))
    # The step before has left no gradient behind.
    assert_close(halves, weights_after(slice(0, 3), slice(3, None)))


@pytest.mark.parametrize("cell", TORCH_NETWORKS)
@pytest.mark.parametrize("directions", ["one direction", "concat"])
def test_encoder_equals_torch(cell, directions, documents):
    """Outputs and gradients of the inputs, against torch on packed sequences."""
    model = build(documents, cell=cell, depth=2, **DIRECTIONS[directions])
    network = network_of(model)
    kind = {"nonlinearity": cell[4:]} if cell.startswith("rnn") else {}
    bidirectional = network.directions == 2
    twin = TORCH_NETWORKS[cell](6, network.hidden, 2, bidirectional=bidirectional, **kind)
    for index, recurrence in enumerate(network.layers):
        layer, backwards = divmod(index, network.directions)
        for name, parameter in recurrence.named_parameters():
            own = getattr(twin, f"{name}_l{layer}{'_reverse' * backwards}")
            own.data.copy_(parameter.data)
    lengths = [4, 1, 7, 2]
    tokens, d_outputs = documents(lengths), documents(lengths, width=8)
    inputs = [torch.tensor(document, requires_grad=True) for document in tokens]
    outputs = unpack_sequence(twin(pack_sequence(inputs, enforce_sorted=False))[0])
    torch.autograd.backward(outputs, [torch.tensor(gradient) for gradient in d_outputs])
    encoded, backprop = model.begin_update(tokens)
    assert_close(encoded, [output.detach() for output in outputs])
    assert_close(backprop(d_outputs), [each.grad for each in inputs])


@every_encoder
def test_gradient_equals_finite_differences(name, documents):
    model = build(documents, name, depth=2)
    tokens, d_outputs = documents(LENGTHS), documents(LENGTHS, width=8)

    def loss(step, directions):
        moved = [each + step * way for each, way in zip(tokens, directions, strict=True)]
        pairs = zip(model.predict(moved), d_outputs, strict=True)
        return sum(np.vdot(output.astype("float64"), weights) for output, weights in pairs)

    _, backprop = model.begin_update(tokens)
    d_tokens = backprop(d_outputs)
    for _ in range(5):
        directions = documents(LENGTHS)
        expected = (loss(0.01, directions) - loss(-0.01, directions)) / 0.02
        found = sum(map(np.vdot, d_tokens, directions))
        assert found == pytest.approx(expected, rel=5e-3, abs=5e-3)


def test_gradient_stays_in_its_document(documents):
    model = build(documents)
    _, backprop = model.begin_update(documents([3, 2, 4]))
    d_tokens = backprop([np.zeros((3, 8), "f"), np.ones((2, 8), "f"), np.zeros((4, 8), "f")])
    assert [bool(each.any()) for each in d_tokens] == [False, True, False]


# Initialisation


@every_encoder
@pytest.mark.parametrize("inputs", [3, 8, 11])
def test_inputs_of_any_width_are_inferred(name, inputs, documents):
    model = architecture(name)(width=8, depth=2, dropout=0.0)
    assert model.has_dim("nI") is None
    model.initialize(X=documents([0, 2], inputs))
    assert (model.get_dim("nI"), model.get_dim("nO")) == (inputs, 8)
    assert model.predict(documents([3], inputs))[0].shape == (3, 8)


def test_without_a_sample_inputs_are_as_wide_as_outputs(documents):
    model = architecture()(width=8)
    model.initialize()
    assert model.get_dim("nI") == 8
    assert model.predict(documents([3], 8))[0].shape == (3, 8)


def test_initialising_again_gives_fresh_weights(documents):
    model = architecture()(width=8)
    fix_random_seed(1)
    first = parameters_of(model.initialize(X=documents([2])))
    others = parameters_of(model.initialize(X=documents([2])))
    assert not any(map(torch.equal, first[:2], others[:2]))
    fix_random_seed(1)
    assert are_equal(first, parameters_of(model.initialize(X=documents([2]))))
    model.initialize(X=documents([2], 9))
    assert model.get_dim("nI") == 9
    assert model.predict(documents([3], 9))[0].shape == (3, 8)


# Noise


@every_encoder
def test_dropout_is_for_training_alone(name, documents):
    model = architecture(name)(width=8, depth=2, dropout=0.5)
    tokens = documents(LENGTHS)
    model.initialize(X=tokens)
    predicted = model.predict(tokens)
    fix_random_seed(1)
    trained = model.begin_update(tokens)[0]
    other = model.begin_update(tokens)[0]
    assert not are_equal(trained, other)
    fix_random_seed(1)
    assert are_equal(trained, model.begin_update(tokens)[0])
    assert are_equal(predicted, model.predict(tokens))
    set_dropout_rate(model, 0.0)
    assert_close(model.begin_update(tokens)[0], predicted)


@pytest.mark.parametrize("noise", [*NOISES, *ZONEOUTS])
def test_noise_of_its_own_rate_stays(noise, documents):
    """`training.dropout` sets the rates that are null, and no others."""
    tokens = documents([30])
    model = build(documents, depth=2, **{noise: 0.5})
    set_dropout_rate(model, 0.0)
    assert not are_equal(model.begin_update(tokens)[0], model.begin_update(tokens)[0])
    model = build(documents, depth=2, **dict.fromkeys(NOISES, 0.0))
    set_dropout_rate(model, 0.5)
    assert are_equal(model.begin_update(tokens)[0], model.begin_update(tokens)[0])


# What cannot be


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"width": 7}, "width is 7, which two directions cannot share evenly"),
        ({"width": 0}, "width is 0"),
        ({"depth": 0}, "depth is 0"),
        ({"cell": "elman"}, 'cell is "elman", but has to be one of "lstm", "gru"'),
        ({"merge": "mean"}, 'merge is "mean"'),
        ({"initial_state": "random"}, 'initial_state is "random"'),
        ({"chrono_init": 2}, "chrono_init is 2"),
        ({"chrono_init": 9, "cell": "rnn_tanh"}, 'cell, with chrono_init, is "rnn_tanh"'),
        ({"zoneout_cell": 0.1, "cell": "gru"}, 'cell "gru" has no cell state'),
        *(
            ({noise: rate}, f"{noise} is {rate}, but has to lie between 0 and 1, below 1")
            for noise, rate in product(["dropout", *NOISES], [-0.1, 1.0, float("nan")])
        ),
        *(
            ({noise: rate}, f"{noise} is {rate}, but has to lie between 0 and 1")
            for noise, rate in product(ZONEOUTS, [-0.1, 1.1, float("nan")])
        ),
    ],
    ids=str,
)
def test_setting_out_of_bounds_is_an_error(settings, message):
    with pytest.raises(ValueError, match=message):
        architecture()(**{"width": 8, "depth": 2, **settings})


@pytest.mark.parametrize("name", BIDIRECTIONAL)
@pytest.mark.parametrize(("setting", "value"), [("width", 7), ("depth", 0), ("dropout", 1.0)])
def test_short_forms_check_their_settings_too(name, setting, value):
    settings = {"width": 8, "depth": 1, "dropout": 0.0, setting: value}
    with pytest.raises(ValueError, match=f"{setting} is {value}, "):
        architecture(name)(**settings)


def test_dropout_rate_out_of_bounds_is_an_error(documents):
    model = build(documents)
    set_dropout_rate(model, 1.5)
    with pytest.raises(ValueError, match=r"dropout is 1\.5, but has to lie between 0 and 1"):
        model.begin_update(documents([2]))


def run(model, tokens, is_train):
    return model(tokens, is_train)[0]


both_ways = pytest.mark.parametrize("is_train", [False, True], ids=["prediction", "training"])


@both_ways
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("document", "token"), [(0, 0), (0, 1), (2, 0), (2, 1)])
def test_value_that_is_not_finite_is_found(document, token, value, is_train, documents):
    model = build(documents)
    tokens = documents([2, 0, 3])
    tokens[document][token, 5] = tokens[2][2, 0] = value
    message = f"2 tokens .* first is token {token} of document {document} in the batch"
    with pytest.raises(ValueError, match=message):
        run(model, tokens, is_train)


@both_ways
def test_very_large_values_are_no_error(is_train, documents):
    """Their sum is infinite, but they are not."""
    model = build(documents)
    (tokens,) = documents([10])
    tokens[:, 0] = 1e38
    assert np.isfinite(run(model, [tokens], is_train)[0]).all()


@both_ways
@pytest.mark.parametrize("kind", ["float64", "float16", "int64"])
def test_other_numbers_than_float32_are_an_error(kind, is_train, documents):
    model = build(documents)
    good, bad = documents([2, 3])
    with pytest.raises(ValueError, match=f"come in as {kind} but the encoder reads float32"):
        run(model, [good, bad.astype(kind)], is_train)


@both_ways
def test_other_width_than_initialised_is_an_error(is_train, documents):
    model = build(documents)
    for wrong in (documents([3], 7), [*documents([2]), *documents([3], 7)], documents([2, 0], 7)):
        with pytest.raises(ValueError, match="have 7 features but the encoder reads 6"):
            run(model, wrong, is_train)


# What has to be


@every_encoder
@pytest.mark.parametrize("lengths", [[], [0], [0, 0]], ids=["no documents", "one", "two"])
def test_nothing_comes_in_and_nothing_goes_out(name, lengths, documents):
    model = build(documents, name)
    tokens = documents(lengths)
    shapes = [(0, 8) for _ in lengths]
    assert [each.shape for each in model.predict(tokens)] == shapes
    encoded, backprop = model.begin_update(tokens)
    assert [each.shape for each in encoded] == shapes
    assert [each.shape for each in backprop(encoded)] == [(0, 6) for _ in lengths]
    before = parameters_of(model)
    model.finish_update(SGD(0.1))
    assert are_equal(before, parameters_of(model))


@pytest.mark.parametrize(("cell", "is_train"), [("lstm", False), ("lstm", True), ("gru", False)])
def test_text_of_50_000_tokens_among_short_ones(cell, is_train, documents):
    model = build(documents, cell=cell, width=2)
    tokens = documents([3, 50_000, 1])
    encoded, backprop = model(tokens, is_train)
    assert np.isfinite(encoded[1]).all()
    assert_close([encoded[0], encoded[2]], model.predict([tokens[0], tokens[2]]))
    if is_train:
        assert all(each.any() and np.isfinite(each).all() for each in backprop(encoded))


@every_scan
def test_step_on_a_text_of_5_000_tokens(cell, documents):
    model = build(documents, cell=cell, width=2)
    before = parameters_of(model)
    encoded, backprop = model.begin_update(documents([3, 5_000, 1]))
    backprop(encoded)
    model.finish_update(SGD(0.1, grad_clip=1.0))
    assert model.shims[0].skipped_steps == 0
    assert not any(map(torch.equal, before, parameters_of(model)))


# Storage


@every_encoder
@pytest.mark.parametrize("way", ["bytes", "disk"])
def test_stored_encoder_predicts_the_same(name, way, documents, tmp_path):
    """The one it is loaded into was never initialised, and does not know the width of inputs."""
    model = build(documents, name, depth=2)
    loaded = architecture(name)(width=8, depth=2, dropout=0.0)
    if way == "bytes":
        loaded.from_bytes(model.to_bytes())
    else:
        model.to_disk(tmp_path / "model")
        loaded.from_disk(tmp_path / "model")
    tokens = documents(LENGTHS)
    assert loaded.get_dim("nI") == 6
    assert are_equal(loaded.predict(tokens), model.predict(tokens))
    assert loaded.to_bytes() == model.to_bytes()


@pytest.mark.parametrize("cell", CELLS)
def test_all_cells_survive_storage(cell, documents, tmp_path):
    model = build(documents, cell=cell)
    model.to_disk(tmp_path / "model")
    tokens = documents(LENGTHS)
    expected = model.predict(tokens)
    for loaded in (
        architecture()(8, cell=cell).from_bytes(model.to_bytes()),
        architecture()(8, cell=cell).from_disk(tmp_path / "model"),
    ):
        assert are_equal(loaded.predict(tokens), expected)


@pytest.mark.parametrize("directions", DIRECTIONS)
@pytest.mark.parametrize("options", OPTIONS)
def test_all_options_survive_storage(directions, options, documents):
    settings = {"depth": 3, **DIRECTIONS[directions], **OPTIONS[options]}
    model = build(documents, **settings)
    loaded = architecture()(8, **settings).from_bytes(model.to_bytes())
    tokens = documents(LENGTHS)
    assert are_equal(loaded.predict(tokens), model.predict(tokens))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cell": "gru"}, r"layers.0.weight_hh: stored \(16, 4\), expected \(12, 4\)"),
        ({"depth": 2}, r"layers.2.bias_hh: stored nothing, expected \(16,\)"),
        ({"initial_state": "learned"}, r"initial_state: stored nothing, expected \(2, 1, 8\)"),
        ({"bidirectional": False}, r"layers.1.bias_hh: stored \(16,\), expected nothing"),
    ],
    ids=str,
)
def test_other_settings_than_stored_are_an_error(settings, message, documents):
    model = build(documents)
    with pytest.raises(ValueError, match=message):
        architecture()(8, **settings).from_bytes(model.to_bytes())
