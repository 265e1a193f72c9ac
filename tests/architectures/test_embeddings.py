"""Embeddings of words: what they compute, against other implementations, and where they fit."""

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam, HashEmbed, set_dropout_rate
from torch.nn import functional

from spacy_rnn.architectures.char_embeddings import (
    build_char_cnn_embed_v1,
    build_char_rnn_embed_v1,
)
from spacy_rnn.architectures.embeddings import build_sum_hash_embed_v1

ATTRS = ["NORM", "PREFIX", "SUFFIX", "SHAPE"]
ROWS = [50, 20, 30, 10]
HASH = {"@architectures": "spacy-rnn.SumHashEmbed.v1", "width": 8, "attrs": ATTRS, "rows": ROWS}
MULTI = {
    **HASH,
    "@architectures": "spacy.MultiHashEmbed.v2",
    "include_static_vectors": False,
}
RNN = {"@architectures": "spacy-rnn.CharRNNEmbed.v1", "width": 8, "embed_width": 5}
CNN = {"@architectures": "spacy-rnn.CharCNNEmbed.v1", "width": 8, "embed_width": 5}
EMBEDDINGS = {
    "hash": HASH,
    "rnn": RNN,
    "cnn": CNN,
    "rnn and hash": {**RNN, "words": HASH},
    "cnn and multi": {**CNN, "words": MULTI},
}
TEXTS = ["the cat saw the other cat", "", "Zoë 読む книгу 🐦 .", "  \n", "x", "the " * 200]


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    for word in ("the", "cat", "saw"):
        nlp.vocab.set_vector(word, np.random.default_rng(len(word)).random(6, "float32"))
    return nlp


@pytest.fixture
def docs(nlp):
    return [nlp.make_doc(text) for text in TEXTS]


def build(settings, docs, **changes):
    model = registry.resolve({"model": {**settings, **changes}})["model"]
    model.initialize(X=docs)
    return model


def network_of(model):
    with next(node for node in model.walk() if node.shims).shims[0].predictor() as network:
        return network


@pytest.mark.parametrize("settings", EMBEDDINGS.values(), ids=EMBEDDINGS)
@pytest.mark.parametrize("vectors", [False, True])
def test_words_have_the_same_vector_wherever_they_stand(settings, vectors, docs):
    model = build(settings, docs, include_static_vectors=vectors)
    together = model.predict(docs)
    width = model.get_dim("nO")
    assert width == 8 * (1 + ("words" in settings) + (vectors and settings is not HASH))
    assert [array.shape for array in together] == [(len(doc), width) for doc in docs]
    for doc, vectors_of_doc in zip(docs, together, strict=True):
        np.testing.assert_allclose(model.predict([doc])[0], vectors_of_doc, atol=1e-5)
    assert np.array_equal(together[0][0], together[5][199])
    assert len(np.unique(together[2], axis=0)) == 5
    assert model.predict([]) == []


def test_hash_embedding_is_a_sum_of_stock_ones(docs):
    model = build(HASH, docs)
    table = model.layers[0].get_param("E")
    expected = 0.0
    first = 0
    for seed, (attr, rows) in enumerate(zip(ATTRS, ROWS, strict=True)):
        stock = HashEmbed(8, rows, seed=seed)
        stock.initialize()
        stock.set_param("E", table[first : first + rows])
        expected = expected + stock.predict(docs[0].to_array(attr))
        first += rows
    np.testing.assert_allclose(model.predict(docs[:1])[0], expected, atol=1e-6)


@pytest.mark.parametrize("settings", [HASH, RNN, CNN, {**CNN, "words": HASH}])
def test_gradients_are_those_of_small_steps(settings, docs):
    model = build(settings, docs, include_static_vectors=True)
    shims = [shim for node in model.walk() for shim in node.shims]
    arrays = [node.get_param(name) for node in model.walk() for name in node.param_names]
    weights = list(map(torch.from_numpy, arrays))
    vectors, backprop = model.begin_update(docs)
    random = np.random.default_rng(0)
    d_vectors = [random.standard_normal(array.shape, dtype="float32") for array in vectors]
    backprop(d_vectors)
    gradients = [node.get_grad(name) for node in model.walk() for name in node.param_names]
    for shim in shims:
        parameters = list(shim._model.parameters())
        weights += parameters
        gradients += [parameter.grad.numpy() for parameter in parameters]

    def loss():
        pairs = zip(model.predict(docs), d_vectors, strict=True)
        return sum(float((array * d_array).sum(dtype="float64")) for array, d_array in pairs)

    for weight, gradient in zip(weights, gradients, strict=True):
        direction = random.standard_normal(weight.shape).astype("float32")
        step = torch.from_numpy(1e-3 * direction)
        with torch.no_grad():
            weight.add_(step)
            above = loss()
            weight.sub_(2 * step)
            slope = (above - loss()) / 2e-3
            weight.add_(step)
        assert slope == pytest.approx((gradient * direction).sum(), rel=0.02, abs=0.02)


def test_gradients_of_batches_add_up(docs):
    embedding = registry.resolve({"embed": HASH})["embed"]
    embedding.initialize(X=docs)
    (table,) = [node for node in embedding.walk() if node.has_param("E")]
    each = []
    for batches in ([docs[:2]], [docs[2:]], [docs[:2], docs[2:]]):
        for batch in batches:
            vectors, backprop = embedding.begin_update(batch)
            backprop([vector + 1 for vector in vectors])
        each.append(table.get_grad("E").copy())
        table.get_grad("E")[:] = 0
    first, second, both = each
    assert first.any()
    assert second.any()
    np.testing.assert_allclose(both, first + second, rtol=1e-5, atol=1e-6)


def test_character_network_reads_as_torch_does(docs):
    model = build(RNN, docs)
    network = network_of(model)
    own = network.network.layers
    lstm = torch.nn.LSTM(5, 4, bidirectional=True)
    for suffix, layer in zip(("", "_reverse"), own, strict=True):
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(lstm, f"{name}_l0{suffix}").data = getattr(layer, name).data
    for doc in docs:
        for token, vector in zip(doc, model.predict([doc])[0], strict=True):
            _, (state, _) = lstm(network.embedding(torch.tensor(list(token.text.encode()))))
            np.testing.assert_allclose(vector, state.flatten().detach(), atol=1e-5)


@pytest.mark.parametrize("window", [1, 3, 5])
def test_character_filters_are_a_convolution(window, docs):
    model = build(CNN, docs, window=window)
    network = network_of(model)
    filters = network.filters.permute(2, 1, 0)
    for doc in docs:
        for token, vector in zip(doc, model.predict([doc])[0], strict=True):
            embedded = network.embedding(torch.tensor(list(token.text.encode()))).T
            seen = functional.conv1d(embedded, filters, network.bias, padding=window // 2)
            np.testing.assert_allclose(vector, seen.amax(1).tanh().detach(), atol=1e-5)


@pytest.mark.parametrize("settings", [RNN, CNN])
def test_each_distinct_word_is_read_once(settings, docs):
    model = build(settings, docs)
    network = network_of(model)
    read = []
    network.register_forward_pre_hook(lambda module, inputs: read.append(len(inputs[1])))
    model.predict(docs)
    assert read == [len({token.text for doc in docs for token in doc})]


@pytest.mark.parametrize("settings", [RNN, CNN])
def test_long_words_are_read_at_their_ends(settings, nlp):
    docs = [Doc(nlp.vocab, words=["a" * 10**6, "a" * 64, "a" * 32 + "b" * 9 + "a" * 32])]
    vectors = build(settings, docs).predict(docs)[0]
    np.testing.assert_allclose(vectors, vectors[[0, 0, 0]], atol=1e-6)


def test_the_share_of_hidden_attributes_is_the_one_that_was_set(nlp):
    docs = [Doc(nlp.vocab, words=[str(number) for number in range(2000)])]
    model = build(HASH, docs, attrs=["NORM"], rows=[5000], attr_dropout=0.2)
    hidden = 4 * model.layers[0].get_param("E")[-1]
    vectors = model.begin_update(docs)[0][0]
    share = np.isclose(vectors, hidden, atol=1e-6).all(axis=1).mean()
    assert share == pytest.approx(0.2, abs=0.04)


def test_hidden_attributes_are_noise_of_training_alone(docs):
    model = build(HASH, docs, attr_dropout=0.5)
    assert np.array_equal(model.predict(docs)[0], model.predict(docs)[0])
    first, _ = model.begin_update(docs)
    second, _ = model.begin_update(docs)
    assert not np.array_equal(first[0], second[0])


@pytest.mark.parametrize("settings", [RNN, CNN])
def test_dropout_is_that_of_training(settings, docs):
    model = build(settings, docs)
    np.testing.assert_allclose(model(docs, is_train=True)[0][0], model.predict(docs)[0], atol=1e-6)
    set_dropout_rate(model, 0.5)
    difference = model(docs, is_train=True)[0][0] - model.predict(docs)[0]
    assert np.abs(difference).max() > 0.1


@pytest.mark.parametrize("hashes", [1, 2, 3])
def test_fewer_hashes_add_up_fewer_rows(docs, hashes):
    model = build(HASH, docs, attrs=["NORM"], rows=[10**6], hashes=hashes, attr_dropout=0.5)
    vectors, backprop = model.begin_update(docs[:1])
    backprop([np.ones_like(vectors[0])])
    gradient = model.layers[0].get_grad("E")
    assert gradient.sum() == pytest.approx(6 * 8 * hashes)
    assert gradient.any(axis=1).sum() <= 4 * hashes + 1


@pytest.mark.parametrize(
    ("kind", "encoder"),
    [
        *((kind, "spacy-rnn.BiLSTMEncoder.v1") for kind in EMBEDDINGS),
        ("rnn and hash", "spacy.MaxoutWindowEncoder.v2"),
    ],
)
def test_it_learns_and_comes_back_in_a_stock_tagger(kind, encoder):
    settings = EMBEDDINGS[kind]
    width = 16 if "words" in settings else 8
    encode = {"@architectures": encoder, "width": width, "depth": 1}
    if "Maxout" in encoder:
        encode |= {"window_size": 1, "maxout_pieces": 2}
    else:
        encode["dropout"] = 0.0
    tok2vec = {"@architectures": "spacy.Tok2Vec.v2", "embed": settings, "encode": encode}
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}
    pipeline = spacy.blank("en")
    pipeline.add_pipe("tagger", config={"model": model})
    words, tags = ["cats", "saw", "Berlin", "3"], ["N", "V", "P", "C"]
    reference = Doc(pipeline.vocab, words=words, tags=tags)
    examples = [Example(pipeline.make_doc("cats saw Berlin 3"), reference)]
    pipeline.initialize(lambda: examples)
    optimizer = Adam(0.02, use_averages=True)
    for _ in range(25):
        pipeline.update(examples, sgd=optimizer)
    with pipeline.use_params(optimizer.averages):
        assert [token.tag_ for token in pipeline("cats saw Berlin 3")] == tags
        stored = pipeline.to_bytes()
    loaded = spacy.blank("en")
    loaded.add_pipe("tagger", config={"model": model})
    assert [t.tag_ for t in loaded.from_bytes(stored)("cats saw Berlin 3")] == tags


@pytest.mark.parametrize(
    ("build_embedding", "settings", "message"),
    [
        (build_sum_hash_embed_v1, {"width": 8, "attrs": ["NORM"], "rows": [1, 2]}, "1 attributes"),
        (build_sum_hash_embed_v1, {"width": 8, "attrs": [], "rows": []}, "at least one"),
        (build_sum_hash_embed_v1, {"width": 8, "attrs": ["NORM"], "rows": [0]}, "smallest, is 0"),
        (build_sum_hash_embed_v1, {"width": 0, "attrs": ["NORM"], "rows": [5]}, "width is 0"),
        (
            build_sum_hash_embed_v1,
            {"width": 8, "attrs": ["NORM"], "rows": [5], "hashes": 5},
            "one of 1, 2, 3, 4",
        ),
        (
            build_sum_hash_embed_v1,
            {"width": 8, "attrs": ["NORM"], "rows": [5], "attr_dropout": 1.0},
            "attr_dropout is 1.0",
        ),
        (build_char_rnn_embed_v1, {"width": 7}, "width is 7"),
        (build_char_rnn_embed_v1, {"embed_width": 0}, "embed_width is 0"),
        (build_char_rnn_embed_v1, {"cell": "elman"}, '"elman"'),
        (build_char_rnn_embed_v1, {"max_bytes": 1}, "max_bytes is 1"),
        (build_char_cnn_embed_v1, {"width": 0}, "width is 0"),
        (build_char_cnn_embed_v1, {"window": 2}, "window is 2"),
        (build_char_cnn_embed_v1, {"dropout": -0.1}, "dropout is -0.1"),
    ],
)
def test_wrong_settings_are_refused(build_embedding, settings, message):
    with pytest.raises(ValueError, match=message):
        build_embedding(**settings)


def test_attributes_of_any_kind(docs):
    model = build(HASH, docs, attrs=["ORTH", "IS_ALPHA", "LENGTH", 85])
    assert model.predict(docs)[0].shape == (6, 8)
