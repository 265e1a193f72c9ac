"""Words by their bytes. What they compute is tested inside their Thinc layers."""

import pytest
import torch

from spacy_rnn.nn.characters import CharacterCNN, CharacterRNN
from spacy_rnn.nn.dropout import scheduled_dropouts, set_dropout
from spacy_rnn.nn.rnn.cells import CELLS


@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_words_of_no_bytes_and_no_words(kind):
    network = kind(4, 3)
    words = network(torch.tensor([65, 66]), torch.tensor([0, 2, 0]))
    assert not words[[0, 2]].any()
    assert words[1].all()
    empty = torch.zeros(0, dtype=torch.int64)
    assert network(empty, empty).shape == (0, 4)


@pytest.mark.parametrize("cell", CELLS)
def test_each_half_of_a_word_is_where_its_direction_ends(cell):
    network = CharacterRNN(6, 3, cell=cell).eval()
    data = torch.tensor([65, 66, 67, 67, 65])
    words = network(data, torch.tensor([3, 0, 2]))
    for row, word in ((0, data[:3]), (2, data[3:])):
        outputs, _ = network.network(network.embedding(word), torch.tensor([len(word)]))
        ends = torch.cat([outputs[-1, :3], outputs[0, 3:]])
        torch.testing.assert_close(words[row], ends, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_dropout_drops_features_of_words(kind):
    network = kind(64, 3, dropout=0.5)
    words = network(torch.tensor([65, 66, 67]), torch.tensor([1, 2]))
    assert 10 < (words == 0).sum() < 118
    assert not network.eval()(torch.tensor([65]), torch.tensor([1])).eq(0).any()


@pytest.mark.parametrize(("dropout", "share"), [(None, 0.5), (0.0, 0.0), (0.25, 0.25)])
@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_the_rate_of_words_is_the_one_that_was_set(kind, dropout, share):
    network = kind(200, 20, dropout=dropout)
    set_dropout(scheduled_dropouts(network), 0.5)
    words = network(torch.arange(65, 105), torch.ones(40, dtype=torch.int64))
    assert (words == 0).float().mean() == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("kind", [CharacterRNN, CharacterCNN])
def test_bytes_have_a_dropout_of_their_own(kind):
    network = kind(64, 20, dropout=0.5)
    network.dropout.rate = 0.0
    data, lengths = torch.arange(65, 105), torch.ones(40, dtype=torch.int64)
    assert not torch.equal(network(data, lengths), network(data, lengths))
    network.eval()
    assert torch.equal(network(data, lengths), network(data, lengths))
