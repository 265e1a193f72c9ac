"""Several networks that generate together, against the plain mean of their probabilities."""

import math

import pytest
import torch
from tables import END, START, Table, all_sequences

from spacy_rnn.generation.ensemble import EnsembleStep, average_log_probs
from spacy_rnn.generation.search import BeamSearch, GreedySearch, SamplingSearch

SENTENCES = [0, 1, 2]
LENGTHS = torch.tensor([1, 2, 3])
SETTINGS = {"max_ratio": 0.0, "max_extra": 3}


def make_ensemble(tables):
    return EnsembleStep(
        [table.step for table in tables], [table.begin(SENTENCES) for table in tables]
    )


def mean_log_probs(tables, sentence, pieces):
    """Average the probabilities of each piece, and of the end, one by one."""
    columns = zip(*(table.log_probs(sentence, pieces) for table in tables), strict=True)
    return [math.log(sum(map(math.exp, column)) / len(tables)) for column in columns]


@pytest.mark.parametrize(
    "search",
    [
        GreedySearch(**SETTINGS),
        BeamSearch(n_best=4, coverage_penalty=0.2, **SETTINGS),
        SamplingSearch(n_best=3, seed=1, **SETTINGS),
    ],
)
def test_one_network_is_itself_to_the_bit(search):
    table = Table(0)
    ensemble = make_ensemble([table])
    alone = search(table.step, table.begin(SENTENCES), LENGTHS, start=START, end=END)
    assert search(ensemble, ensemble.state, LENGTHS, start=START, end=END) == alone


@pytest.mark.parametrize("number", [2, 3])
def test_a_wide_beam_finds_the_best_by_mean_probabilities(number):
    tables = [Table(seed) for seed in range(number)]
    ensemble = make_ensemble(tables)
    width = len(all_sequences(3))
    search = BeamSearch(beam_width=width, n_best=3, length_penalty="none", **SETTINGS)
    results = search(ensemble, ensemble.state, LENGTHS, start=START, end=END)
    for sentence, found in zip(SENTENCES, results, strict=True):
        scores = {
            pieces: sum(mean_log_probs(tables, sentence, pieces)) for pieces in all_sequences(3)
        }
        best = sorted(scores, key=scores.get, reverse=True)[: len(found)]
        assert [tuple(hypothesis.pieces) for hypothesis in found] == best
        for hypothesis in found:
            pieces = tuple(hypothesis.pieces)
            expected = mean_log_probs(tables, sentence, pieces)
            assert hypothesis.piece_scores == pytest.approx(expected, abs=1e-5)
            weights = [tables[0].weights(sentence, pieces[:time]) for time in range(len(pieces))]
            for row, positions, values in zip(
                weights, hypothesis.source_positions, hypothesis.attention_weights, strict=True
            ):
                assert row[positions].tolist() == values


def test_impossible_pieces_stay_impossible_and_others_count_by_half():
    impossible = torch.tensor([[-torch.inf, 0.0, 1.0]])
    both = average_log_probs([impossible, impossible + 5.0])
    assert both.exp().tolist()[0] == pytest.approx(impossible.softmax(1).tolist()[0])
    half = average_log_probs([impossible, torch.zeros(1, 3)]).exp()
    expected = (impossible.softmax(1) + 1 / 3) / 2
    assert half.tolist()[0] == pytest.approx(expected.tolist()[0])
