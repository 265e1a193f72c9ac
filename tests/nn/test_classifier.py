"""Scores of classes: of a vector and of n-grams, with noise in training."""

from functools import partial

import pytest
import torch
from nn_samples import random_batch

from spacy_rnn.nn.classifier import Classifier
from spacy_rnn.nn.pooling import Reduction

MEAN = partial(Reduction, parts=["mean"])
ROWS = torch.tensor([1, 1, 4, 0])
OWNERS = torch.tensor([0, 0, 0, 2])


def inputs():
    data, lengths = random_batch([3, 0, 2], 4, torch.float32)
    return data, lengths, lengths, torch.ones_like(lengths), ROWS, OWNERS


def test_ngrams_add_to_the_scores_of_their_documents():
    classifier = Classifier(4, 2, MEAN, ngram_rows=5).eval()
    batch = inputs()
    without, _ = classifier(*batch)
    classifier.ngrams.data = torch.arange(10.0).view(5, 2)
    added = classifier(*batch)[0] - without
    torch.testing.assert_close(added, torch.tensor([[12.0, 15.0], [0.0, 0.0], [0.0, 1.0]]))
    expected = classifier.output(torch.stack([batch[0][:3].mean(0), torch.zeros(4)]))
    torch.testing.assert_close(without[:2], expected)


def test_noise_is_of_training_alone():
    for settings in ({"dropout": 0.5}, {"ngram_rows": 5, "expert_dropout": 0.5}):
        classifier = Classifier(4, 2, MEAN, **settings)
        batch = inputs()
        runs = {tuple(classifier(*batch)[0].flatten().tolist()) for _ in range(20)}
        assert len(runs) > 1
        classifier.eval()
        assert torch.equal(classifier(*batch)[0], classifier(*batch)[0])


def test_each_expert_is_dropped_for_whole_documents():
    classifier = Classifier(4, 2, MEAN, ngram_rows=1, expert_dropout=0.5)
    classifier.ngrams.data.fill_(100.0)
    data, lengths = random_batch([1] * 1000, 4, torch.float32)
    none = torch.zeros(1000, dtype=torch.int64)
    scores, _ = classifier(
        data, lengths, lengths, torch.ones_like(lengths), none, torch.arange(1000)
    )
    with_ngrams = scores > 50
    assert torch.equal(with_ngrams[:, 0], with_ngrams[:, 1])
    assert 400 < with_ngrams[:, 0].sum() < 600
    assert 200 < (scores == 0).all(dim=1).sum() < 300


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"inputs": 0}, "inputs is 0"),
        ({"dropout": 1.5}, "dropout is 1.5"),
        ({"expert_dropout": 1.0}, "expert_dropout is 1.0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Classifier(**{"inputs": 4, "labels": 2, "pooling": MEAN, **settings})
