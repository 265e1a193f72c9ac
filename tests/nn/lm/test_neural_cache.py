"""The cache beside a language model, against the formulas of Grave et al. (2017)."""

import math

import pytest
import torch

from spacy_rnn.nn.lm.model import LanguageModel
from spacy_rnn.nn.lm.neural_cache import FEW, NeuralCache
from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.settings import RecurrentSettings

PIECES = 5
SIZES = {"embed_width": 6, "network": RecurrentSettings(6, bidirectional=False)}
LENGTHS = [7, 0, 2, 12]


def predict_by_cache(cache, hidden, targets, plain):
    """Step by step: the network's distributions `(words, pieces)` and the cache's, averaged."""
    rows = []
    for time in range(len(hidden)):
        positions = range(max(0, time - cache.size), time)
        weights = [
            math.exp(cache.sharpness * float(hidden[time] @ hidden[at])) for at in positions
        ]
        cached = torch.zeros(PIECES, dtype=torch.float64)
        for at, weight in zip(positions, weights, strict=True):
            cached[targets[at]] += weight / sum(weights)
        share = cache.weight * len(weights) / (len(weights) + FEW)
        rows.append((1 - share) * plain[time].exp() + share * cached)
    return torch.stack(rows).log() if rows else plain


def sample(lengths=LENGTHS):
    lengths = torch.tensor(lengths)
    words = int(lengths.sum())
    hidden = torch.randn(words, 3, dtype=torch.float64)
    plain = torch.randn(words, PIECES, dtype=torch.float64).log_softmax(1)
    return hidden, torch.randint(PIECES, (words,)), plain, lengths


@pytest.mark.parametrize("size", [1, 3, 50])
@pytest.mark.parametrize("pairs", [1, 10**6])
def test_reading_is_the_formula(size, pairs, monkeypatch):
    monkeypatch.setattr("spacy_rnn.nn.lm.neural_cache.MAX_PAIRS", pairs)
    cache = NeuralCache(size, 0.3, 0.7)
    hidden, targets, plain, lengths = sample()
    own = plain.gather(1, targets[:, None])[:, 0]
    found, state = cache.read(own, hidden, targets, lengths, cache.start(4, hidden))
    parts = zip(*(part.split(lengths.tolist()) for part in (hidden, targets, plain)), strict=True)
    expected = torch.cat([predict_by_cache(cache, *part) for part in parts])
    torch.testing.assert_close(found, expected.gather(1, targets[:, None])[:, 0])
    positions = min(size, max(LENGTHS))
    assert [part.shape for part in state] == [(positions, 4, 3), (positions, 4, 1)]


@pytest.mark.parametrize("cuts", [[1, 0, 2, 5], [3, 0, 0, 4], [7, 0, 2, 12]])
def test_parts_are_read_as_the_whole(cuts):
    cache = NeuralCache(4, 0.3, 0.7)
    hidden, targets, plain, lengths = sample()
    own = plain.gather(1, targets[:, None])[:, 0]
    whole, end = cache.read(own, hidden, targets, lengths, cache.start(4, hidden))
    state, found = cache.start(4, hidden), [[] for _ in LENGTHS]
    for select in (lambda rows, cut: rows[:cut], lambda rows, cut: rows[cut:]):
        own_parts, hidden_parts, target_parts = (
            [select(rows, cut) for rows, cut in zip(part.split(LENGTHS), cuts, strict=True)]
            for part in (own, hidden, targets)
        )
        sizes = torch.tensor([len(rows) for rows in target_parts])
        flat = (torch.cat(rows) for rows in (own_parts, hidden_parts, target_parts))
        scores, state = cache.read(*flat, sizes, state)
        for rows, more in zip(found, scores.split(sizes.tolist()), strict=True):
            rows.append(more)
    torch.testing.assert_close(torch.cat([torch.cat(rows) for rows in found]), whole)
    torch.testing.assert_close(state, end)


def test_steps_are_those_of_the_whole():
    cache = NeuralCache(3, 0.4, 0.7)
    hidden, targets, plain, _ = sample([9])
    expected = predict_by_cache(cache, hidden, targets, plain)
    state = tuple(part.transpose(0, 1) for part in cache.start(1, hidden))
    for time in range(9):
        found = cache.next_log_probs(plain[time : time + 1], hidden[time : time + 1], state)
        torch.testing.assert_close(found[0], expected[time])
        state = cache.add(hidden[time : time + 1], targets[time : time + 1], state)


@pytest.mark.parametrize("cell", CELLS)
def test_texts_of_any_past_go_on_side_by_side(cell):
    network = RecurrentSettings(6, cell=cell, bidirectional=False)
    cache = NeuralCache(8, 0.5, 1.0)
    model = LanguageModel(PIECES, embed_width=6, network=network, cache=cache).eval()
    pasts, nexts = [[1, 2, 3, 2], [4], None, list(range(5)) * 4], torch.tensor([2, 1, 2])

    def go_on(states):
        lengths = torch.full((len(states),), len(nexts))
        fresh = torch.tensor([state is None for state in states])
        targets = nexts.repeat(len(states))
        return model(targets.roll(1), targets, lengths, model.gather(states), fresh)

    states = []
    for past in pasts:
        pieces, fresh = torch.tensor(past or []), torch.tensor([True])
        length = torch.tensor([len(pieces)])
        state = model(pieces.roll(1), pieces, length, model.start(1), fresh)[2] if past else None
        states.append(state and tuple(part[:, 0] for part in state))
    _, together, ends = go_on(states)
    for index, state in enumerate(states):
        _, alone, end = go_on([state])
        torch.testing.assert_close(together[3 * index : 3 * index + 3], alone)
        held = len(end[-1])
        for part, own in zip(ends, end, strict=True):
            torch.testing.assert_close(part[-held:, index], own[-held:, 0])


def test_training_knows_no_cache():
    cached = LanguageModel(PIECES, **SIZES, cache=NeuralCache(3, 0.5, 1.0))
    plain = LanguageModel(PIECES, **SIZES)
    plain.load_state_dict(cached.state_dict())
    pieces, lengths = torch.tensor([1, 2, 1, 2, 1]), torch.tensor([5])
    fresh = torch.tensor([True])
    losses = {
        mode: [
            model.train(mode)(pieces, pieces, lengths, model.start(1), fresh)[0].item()
            for model in (cached, plain)
        ]
        for mode in (True, False)
    }
    assert losses[True][0] == losses[True][1]
    assert losses[False][0] != losses[False][1]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ((0, 0.1, 0.3), "cache_size is 0"),
        ((1.5, 0.1, 0.3), "cache_size is 1.5, but has to be a whole number"),
        ((9, 1.0, 0.3), "cache_weight is 1.0"),
        ((9, 0.1, -1.0), "cache_sharpness is -1.0"),
    ],
)
def test_wrong_settings_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NeuralCache(*settings)
