"""The classifier of documents as a Thinc model."""

import numpy as np
import pytest
import spacy
import torch
from spacy import registry
from spacy.training import Example
from torch.nn import functional

from spacy_rnn.architectures.text_classifier import _find_ngrams, attend

TOK2VEC = {
    "@architectures": "spacy-rnn.SumHashEmbed.v1",
    "width": 6,
    "attrs": ["NORM"],
    "rows": [50],
}
TEXTS = ["a good book", "", "no", "a bad bird slept"]


@pytest.fixture(scope="module")
def docs():
    nlp = spacy.blank("en")
    return [nlp.make_doc(text) for text in TEXTS]


def build(docs, exclusive=True, **settings):
    config = {
        "@architectures": "spacy-rnn.TextClassifier.v1",
        "tok2vec": TOK2VEC,
        "pooling": {"@misc": "spacy-rnn.mean_pooling.v1"},
        "exclusive_classes": exclusive,
        "ngram_size": 2,
        "ngram_rows": 64,
        **settings,
    }
    model = registry.resolve({"model": config})["model"]
    model.initialize(X=docs, Y=np.zeros((4, 3), dtype="f"))
    return model


@pytest.mark.parametrize("exclusive", [True, False])
def test_each_expert_has_the_gradient_of_its_own_cross_entropy(docs, exclusive):
    model = build(docs, exclusive)
    network = model.shims[0].network
    torch.nn.init.normal_(network.ngrams)
    right = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]], dtype="f")
    probabilities, backprop = model.begin_update(docs)
    error = probabilities - right
    error[2] = 0.0  # Not annotated.
    backprop(error)
    actual = [network.output.bias.grad.clone(), network.ngrams.grad.clone()]

    network.zero_grad()
    known = [0, 1, 3]
    with torch.enable_grad():
        vectors = [torch.from_numpy(array) for array in model.get_ref("tok2vec").predict(docs)]
        lengths = torch.tensor([len(doc) for doc in docs])
        ngrams = (torch.from_numpy(each) for each in _find_ngrams(docs, 2, 64))
        inputs = (torch.cat(vectors), lengths, lengths, torch.ones_like(lengths), *ngrams)
        scores, _ = network(*inputs)
        truth = torch.from_numpy(right[known])
        loss = (
            functional.cross_entropy if exclusive else functional.binary_cross_entropy_with_logits
        )
        sum(loss(each[known], truth, reduction="sum") for each in scores).backward()
    torch.testing.assert_close(actual[0], network.output.bias.grad)
    torch.testing.assert_close(actual[1], network.ngrams.grad)
    expected = scores.softmax(dim=2) if exclusive else scores.sigmoid()
    np.testing.assert_allclose(probabilities, expected.detach().mean(dim=0), atol=1e-6)


@pytest.mark.parametrize("stock", ["textcat", "textcat_multilabel"])
def test_the_loss_of_stock_spacy_is_the_error_that_the_gradient_is_made_of(stock):
    """The truth is recovered from what stock spaCy's get_loss returns.

    If spaCy changes that, the gradients of `forward` have to follow.
    """
    nlp = spacy.blank("en")
    textcat = nlp.add_pipe(stock)
    truths = np.array([[1, 0], [0, 1]], dtype="f")
    cats = [dict(zip("AB", row.tolist(), strict=True)) for row in truths]
    examples = [Example.from_dict(nlp.make_doc("a b"), {"cats": row}) for row in cats]
    textcat.initialize(lambda: examples)
    probabilities = np.array([[0.75, 0.25], [0.125, 0.5]], dtype="f")
    _, d_probabilities = textcat.get_loss(examples, probabilities.copy())
    np.testing.assert_array_equal(d_probabilities, probabilities - truths)
    if stock == "textcat_multilabel":
        examples[1].reference.cats = {"B": 1.0}  # A is not annotated.
        _, d_probabilities = textcat.get_loss(examples, probabilities.copy())
        expected = probabilities - truths
        expected[1, 0] = 0.0
        np.testing.assert_array_equal(d_probabilities, expected)


def test_ngrams_stay_inside_their_documents(docs):
    rows, owners = _find_ngrams(docs, 2, 1 << 40)
    assert np.bincount(owners, minlength=4).tolist() == [5, 0, 1, 7]
    by_doc = [set(rows[owners == number].tolist()) for number in range(4)]
    assert len(by_doc[0] & by_doc[3]) == 1
    assert len(set(rows.tolist())) == 12
    for number, doc in enumerate(docs):
        alone, _ = _find_ngrams([doc], 2, 1 << 40)
        assert set(alone.tolist()) == by_doc[number]
    for size in (0, 1):
        assert len(_find_ngrams(docs, size, 8)[0]) == size * 8
    assert len(_find_ngrams([], 2, 8)[0]) == 0


def test_attention_needs_a_pooling_with_it(docs):
    model = build(docs, pooling={"@misc": "spacy-rnn.attention_pooling.v1"})
    probabilities, weights = attend(model, docs)
    np.testing.assert_array_equal(probabilities, model.predict(docs))
    assert [len(each) for each in weights] == [len(doc) for doc in docs]
    with pytest.raises(ValueError, match="without attention"):
        attend(build(docs), docs)


def test_no_documents(docs):
    assert build(docs).predict([]).shape == (0, 3)
