"""Words by their bytes. What they compute is tested inside their Thinc layers."""

import pytest
import torch

from spacy_rnn.nn.characters import CharacterCNN, CharacterRNN


@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_words_of_no_bytes_and_no_words(kind):
    network = kind(4, 3)
    words = network(torch.tensor([65, 66]), torch.tensor([0, 2, 0]))
    assert not words[[0, 2]].any()
    assert words[1].all()
    empty = torch.zeros(0, dtype=torch.int64)
    assert network(empty, empty).shape == (0, 4)


@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_dropout_drops_features_of_words(kind):
    network = kind(64, 3, dropout=0.5)
    words = network(torch.tensor([65, 66, 67]), torch.tensor([1, 2]))
    assert 10 < (words == 0).sum() < 118
    assert not network.eval()(torch.tensor([65]), torch.tensor([1])).eq(0).any()
