"""Scores of classes: of a vector and of n-grams, each by itself."""

from functools import partial

import pytest
import torch
from nn_samples import random_batch

from spacy_rnn.nn.pooling import Reduction
from spacy_rnn.nn.text_classifier import NGRAM_PACE, Classifier

MEAN = partial(Reduction, parts=["mean"])
ROWS = torch.tensor([1, 1, 4, 0])
OWNERS = torch.tensor([0, 0, 0, 2])


def inputs():
    data, lengths = random_batch([3, 0, 2], 4, torch.float32)
    return data, lengths, lengths, torch.ones_like(lengths), ROWS, OWNERS


def test_ngrams_are_an_expert_of_their_own():
    classifier = Classifier(4, 2, MEAN, ngram_rows=5).eval()
    batch = inputs()
    classifier.ngrams.data = torch.arange(10.0).view(5, 2) / NGRAM_PACE
    (scores, of_ngrams), _ = classifier(*batch)
    torch.testing.assert_close(of_ngrams, torch.tensor([[12.0, 15.0], [0.0, 0.0], [0.0, 1.0]]))
    expected = classifier.output(torch.stack([batch[0][:3].mean(0), torch.zeros(4)]))
    torch.testing.assert_close(scores[:2], expected)
    classifier.ngrams = None
    torch.testing.assert_close(classifier(*batch)[0], scores[None])


def test_dropout_is_of_training_alone():
    classifier = Classifier(4, 2, MEAN, dropout=0.5)
    batch = inputs()
    assert not torch.equal(classifier(*batch)[0], classifier(*batch)[0])
    classifier.eval()
    assert torch.equal(classifier(*batch)[0], classifier(*batch)[0])


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"inputs": 0}, "inputs is 0"), ({"dropout": 1.5}, "dropout is 1.5")],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Classifier(**{"inputs": 4, "labels": 2, "pooling": MEAN, **settings})
