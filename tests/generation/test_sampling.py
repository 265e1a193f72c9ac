"""Sampling against exact distributions."""

import math
from collections import Counter
from functools import cache

import pytest
import torch
from tables import END, PIECES, NaNTable, Table, all_sequences, make_constraints

from spacy_rnn.generation.greedy import greedy_search
from spacy_rnn.generation.sampling import sample, truncate
from spacy_rnn.generation.settings import Detail

DRAWS = 4000
SETTINGS = [{}, {"temperature": 0.5}, {"temperature": 2.0, "top_k": 2}, {"top_p": 0.6}]


def run(table, sentences, constraints=None, **settings):
    lengths = torch.ones(len(sentences), dtype=torch.int64)
    return sample(
        table.step,
        table.begin(sentences),
        lengths,
        constraints or make_constraints(max_extra=2),
        **settings,
    )


def cut(row, temperature=1.0, top_k=0, top_p=1.0):
    """Truncate a distribution as its definition says, one piece at a time."""
    weights = {piece: math.exp(score / temperature) for piece, score in row.items()}
    ranked = sorted(weights, key=weights.get, reverse=True)[: top_k or None]
    total = sum(weights[piece] for piece in ranked)
    nucleus, mass = [], 0.0
    for piece in ranked:
        if mass < top_p:
            nucleus.append(piece)
        mass += weights[piece] / total
    total = sum(weights[piece] for piece in nucleus)
    return {piece: weights[piece] / total for piece in nucleus}


def exact(table, sentence, most, **settings):
    """Give the probability of each sequence, by the definition."""
    result = {}
    for pieces in all_sequences(most):
        probability = 1.0
        for time, piece in enumerate((*pieces, END)):
            if time == most:  # It ends whatever the network says.
                continue
            row = dict(enumerate(table.row(sentence, pieces[:time]).tolist()))
            row = {p: s for p, s in row.items() if p >= 1 and (time or p != END)}
            probability *= cut(row, **settings).get(piece, 0.0)
        result[pieces] = probability
    return result


@pytest.mark.parametrize("sentence", [0, 1])
@pytest.mark.parametrize("settings", [*SETTINGS, {"temperature": 0.0}], ids=str)
def test_scores_that_are_not_numbers_are_an_error(settings, sentence):
    with pytest.raises(ValueError, match="not numbers"):
        run(NaNTable(sentence), [0, 1], samples=2, **settings)


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_frequencies_are_those_of_the_distribution(settings):
    table = Table(3)
    table.row, table.weights = cache(table.row), cache(table.weights)
    (found,) = run(table, [7], samples=DRAWS, seed=0, **settings)
    counts = Counter(tuple(each.pieces) for each in found)
    expected = exact(table, 7, 2, **settings)
    assert sum(expected.values()) == pytest.approx(1)
    assert set(counts) <= {pieces for pieces, p in expected.items() if p > 0}
    cells = [(counts[pieces], DRAWS * p) for pieces, p in expected.items() if p > 0]
    statistic = sum((seen - mean) ** 2 / mean for seen, mean in cells)
    # The statistic has about as many degrees of freedom as cells, and their double as variance.
    assert statistic < len(cells) + 4 * math.sqrt(2 * len(cells))


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"top_k": 1}, {"temperature": 1e-4}])
def test_without_a_choice_it_is_greedy_search(settings):
    table, constraints = Table(1), make_constraints()
    lengths = torch.ones(3, dtype=torch.int64)
    expected = greedy_search(table.step, table.begin([0, 1, 2]), lengths, constraints)
    found = run(table, [0, 1, 2], constraints, samples=2, **settings)
    assert [[each.pieces for each in row] for row in found] == [
        [row[0].pieces] * 2 for row in expected
    ]


def test_a_seed_decides():
    table = Table(2)
    assert run(table, [1, 2], samples=5, seed=3) == run(table, [1, 2], samples=5, seed=3)
    assert run(table, [1], samples=9, seed=3) != run(table, [1], samples=9, seed=4)
    assert run(table, [1], samples=9) != run(table, [1], samples=9)


def test_neighbours_do_not_matter():
    table = Table(2)
    together = run(table, [1, 2, 3], samples=4, seed=0)
    assert together == [run(table, [each], samples=4, seed=0)[0] for each in (1, 2, 3)]


def test_scores_are_those_of_the_network():
    table = Table(5)
    (found,) = run(table, [4], samples=6, seed=1, temperature=3.0, top_k=3)
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    for each in found:
        expected = table.log_probs(4, tuple(each.pieces))
        assert each.piece_scores == pytest.approx(expected, abs=1e-5)
        assert each.score == pytest.approx(sum(expected), abs=1e-4)


@pytest.mark.parametrize("samples", [1, 3])
def test_samples_are_the_same_whatever_is_asked_for(samples):
    full = run(Table(5), [4, 5], samples=samples, seed=1)
    for detail in Detail:
        found = run(Table(5), [4, 5], samples=samples, seed=1, detail=detail)
        assert [[each.pieces for each in row] for row in found] == [
            [each.pieces for each in row] for row in full
        ]


def test_prefixes_are_kept():
    prefixes = torch.tensor([[3, 2], [-1, -1]])
    found = run(Table(5), [0, 1], make_constraints(), samples=8, seed=0, prefixes=prefixes)
    assert all(each.pieces[:2] == [3, 2] for each in found[0])
    assert any(each.pieces[:2] != [3, 2] for each in found[1])


def test_what_is_cut_off_has_no_probability():
    log_probs = torch.tensor([[0.5, 0.25, 0.15, 0.1], [0.1, 0.2, 0.3, 0.4]]).log()
    nucleus = truncate(log_probs, 1.0, 0, 0.7)
    expected = torch.tensor([[2 / 3, 1 / 3, 0, 0], [0, 0, 3 / 7, 4 / 7]]).double()
    torch.testing.assert_close(nucleus, expected, atol=1e-6, rtol=0)
    assert truncate(log_probs, 1.0, PIECES + 5, 1.0).min() > 0


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"samples": 0}, "samples is 0"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"temperature": math.nan}, "temperature is nan"),
        ({"temperature": math.inf}, "temperature is inf"),
        ({"top_k": -1}, "top_k is -1"),
        ({"top_p": 0.0}, "top_p is 0.0"),
        ({"top_p": 1.5}, "top_p is 1.5"),
    ],
)
def test_settings_out_of_bounds(settings, message):
    with pytest.raises(ValueError, match=message):
        run(Table(0), [0], **settings)
