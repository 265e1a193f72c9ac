"""Beam and greedy search, against trying everything."""

import math
from functools import partial

import pytest
import torch
from tables import END, PIECES, POSITIONS, START, NaNTable, Table, all_sequences, make_constraints

from spacy_rnn.generation import attention_record
from spacy_rnn.generation.beam import beam_search
from spacy_rnn.generation.greedy import greedy_search
from spacy_rnn.generation.scoring import Ranking
from spacy_rnn.generation.settings import Detail
from spacy_rnn.generation.state import SearchState

SEEDS = range(5)
RANKINGS = {
    "none": Ranking("none"),
    "average": Ranking("average", 1.0),
    "half average": Ranking("average", 0.5),
    "wu": Ranking("wu", 0.8),
}
LENGTHS = torch.tensor([3, 2, 1, 3])


def beam(table, sentences, width, ranking=RANKINGS["average"], constraints=None, **others):
    constraints = constraints or make_constraints()
    lengths = LENGTHS[: len(sentences)]
    state = table.begin(sentences)
    return beam_search(table.step, state, lengths, constraints, ranking, width, **others)


def greedy(table, sentences, constraints=None, **others):
    lengths = LENGTHS[: len(sentences)]
    state = table.begin(sentences)
    return greedy_search(table.step, state, lengths, constraints or make_constraints(), **others)


def pieces_of(found):
    return [tuple(hypothesis.pieces) for hypothesis in found]


def divisor(ranking, length):
    """Say the length penalties in another way."""
    if ranking.length_penalty == "none":
        return 1.0
    base = length if ranking.length_penalty == "average" else (5 + length) / 6
    return math.exp(ranking.alpha * math.log(base))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("ranking", RANKINGS.values(), ids=RANKINGS)
def test_a_wide_beam_finds_what_trying_everything_finds(ranking, seed):
    """All of the n best, in order, with their scores."""
    table = Table(seed)
    sequences = all_sequences(3)
    for sentence, found in enumerate(beam(table, [0, 1, 2, 3], PIECES**4, ranking)):
        scores = {
            pieces: sum(table.log_probs(sentence, pieces)) / divisor(ranking, len(pieces) + 1)
            for pieces in sequences
        }
        assert pieces_of(found) == sorted(sequences, key=scores.get, reverse=True)
        expected = sorted(scores.values(), reverse=True)
        assert [each.score for each in found] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("ranking", RANKINGS.values(), ids=RANKINGS)
def test_a_beam_of_one_is_greedy(ranking, seed):
    table = Table(seed)
    sentences = [4, 9, 2, 7]
    narrow = [pieces_of(found) for found in beam(table, sentences, 1, ranking)]
    assert narrow == [pieces_of(found) for found in greedy(table, sentences)]
    # Greedy by hand.
    for sentence, (found,) in zip(sentences, narrow, strict=True):
        written = ()
        while len(written) < 3:
            scores = table.row(sentence, written)
            scores[START] = -math.inf
            if not written:
                scores[END] = -math.inf
            best = int(scores.argmax())
            if best == END:
                break
            written += (best,)
        assert found == written


@pytest.mark.parametrize("width", [1, 2, 3, 5])
def test_piece_scores_are_those_of_forced_decoding(width):
    table = Table(3)
    searches = [beam(table, [5, 6, 7, 8], width, RANKINGS["none"]), greedy(table, [5, 6, 7, 8])]
    for result in searches:
        for sentence, found in zip([5, 6, 7, 8], result, strict=True):
            for each in found:
                expected = table.log_probs(sentence, tuple(each.pieces))
                assert each.piece_scores == pytest.approx(expected, abs=1e-5)
                assert each.score == pytest.approx(sum(expected), abs=1e-4)


@pytest.mark.parametrize("width", [1, 2, 4])
def test_neighbours_change_nothing(width):
    """Each sentence alone, in a batch, and in another order."""
    table = Table(11)
    sentences = [3, 1, 4, 15]
    lengths = torch.tensor([3, 1, 2, 3])
    constraints = make_constraints(max_ratio=1.5, max_extra=1)

    def search(order):
        state = table.begin([sentences[index] for index in order])
        found = beam_search(table.step, state, lengths[order], constraints, RANKINGS["wu"], width)
        return dict(zip(order, found, strict=True))

    together = search([0, 1, 2, 3])
    assert search([2, 0, 3, 1]) == together
    for index in range(4):
        assert search([index])[index] == together[index]
    longest = {index: max(len(each.pieces) for each in together[index]) for index in together}
    assert all(longest[index] <= int(1.5 * lengths[index]) + 1 for index in longest)
    assert len(set(longest.values())) > 1


def test_poor_sequences_that_end_early_do_not_stop_the_best():
    """A network that is sure of one long sequence, and of nothing but ends beside it."""
    sure = [2, 3, 2, 3, 2, 3]

    def step(pieces, state):
        (written,) = state.hypotheses
        written = torch.cat([written, pieces[:, :, None]], 2)
        scores = torch.full((*pieces.shape, PIECES), -9.0)
        scores[:, :, END] = 0.0
        for row in range(pieces.shape[1]):
            time = written.shape[2] - 1
            if written[0, row, 1:].tolist() == sure[:time]:
                scores[0, row, ([*sure, END])[time]] = 9.0
        return scores, torch.zeros(*pieces.shape, POSITIONS), SearchState((), (written,))

    state = SearchState((), (torch.zeros(1, 1, 0).long(),))
    constraints = make_constraints(max_extra=8)
    for width in (1, 2, 3):
        found = beam_search(step, state, LENGTHS[:1], constraints, RANKINGS["average"], width)[0]
        assert found[0].pieces == sure


def test_hypotheses_differ_and_come_best_first():
    for found in beam(Table(2), [0, 1, 2, 3], 6):
        assert len(set(pieces_of(found))) == len(found) == 6
        scores = [each.score for each in found]
        assert scores == sorted(scores, reverse=True)


def test_places_are_those_of_the_attention_at_each_piece():
    table = Table(8)
    for sentence, found in enumerate(beam(table, [0, 1], 4)):
        for each in found:
            assert len(each.source_positions) == len(each.pieces)
            attended = zip(each.source_positions, each.attention_weights, strict=True)
            for time, (positions, weights) in enumerate(attended):
                all_weights = table.weights(sentence, tuple(each.pieces[:time])).tolist()
                expected = sorted(range(POSITIONS), key=all_weights.__getitem__, reverse=True)
                assert positions == expected
                assert weights == pytest.approx(sorted(all_weights, reverse=True))


def test_places_of_next_to_no_weight_are_left_out(monkeypatch):
    table = Table(8)
    monkeypatch.setattr(attention_record, "MIN_WEIGHT", 0.3)
    for sentence, (each, *_) in enumerate(beam(table, [0, 1], 4)):
        attended = zip(each.source_positions, each.attention_weights, strict=True)
        for time, (positions, weights) in enumerate(attended):
            all_weights = table.weights(sentence, tuple(each.pieces[:time])).tolist()
            assert len(positions) == len(weights) == sum(weight >= 0.3 for weight in all_weights)


def test_places_are_the_same_however_many_steps_are_selected_at_once(monkeypatch):
    searches = greedy, partial(beam, width=4)
    together = [search(Table(8), [0, 1, 2]) for search in searches]
    monkeypatch.setattr(attention_record, "MAX_PENDING", 1)
    assert [search(Table(8), [0, 1, 2]) for search in searches] == together


@pytest.mark.parametrize("repetition_penalty", [1.0, 1.5])
@pytest.mark.parametrize("search", [greedy, partial(beam, width=1), partial(beam, width=4)])
def test_pieces_are_the_same_whatever_is_asked_for(search, repetition_penalty):
    constraints = make_constraints(max_extra=6, repetition_penalty=repetition_penalty)
    sentences = [0, 1, 2, 3]
    full = search(Table(8), sentences, constraints=constraints)
    for detail in Detail:
        for ranked, expected in zip(
            search(Table(8), sentences, constraints=constraints, detail=detail), full, strict=True
        ):
            assert pieces_of(ranked) == pieces_of(expected)
            for each, complete in zip(ranked, expected, strict=True):
                if detail < Detail.ALIGNMENTS:
                    assert each.source_positions == each.attention_weights == []
                if detail < Detail.SCORES:
                    assert each.piece_scores == []
                    assert search is not greedy or math.isnan(each.score)
                else:
                    assert each.piece_scores == complete.piece_scores
                    assert each.score == complete.score
                if detail == Detail.ALIGNMENTS:
                    assert each == complete


def test_coverage_penalty_is_that_of_the_whole_path():
    table = Table(5)
    ranking = Ranking("none", coverage_penalty=0.7)
    constraints = make_constraints()
    for sentence, found in enumerate(beam(table, [0, 1], PIECES**4, ranking, constraints)):
        for each in found:
            # The step that wrote the end attended to the source as well.
            attention_weights = [
                table.weights(sentence, tuple(each.pieces[:time]))
                for time in range(len(each.pieces) + 1)
            ]
            covered = torch.stack(attention_weights).sum(0)[: LENGTHS[sentence]].clamp(max=1.0)
            expected = sum(each.piece_scores) + 0.7 * float(covered.log().sum())
            assert each.score == pytest.approx(expected, abs=1e-5)


def test_rules_hold_in_any_search():
    table = Table(1)
    constraints = make_constraints(
        max_extra=6, min_length=4, banned_pieces=(2,), no_repeat_ngram_size=7
    )
    for found in (
        *beam(table, [0, 1, 2], 3, constraints=constraints),
        *greedy(table, [0, 1, 2], constraints),
    ):
        for each in found:
            assert 4 <= len(each.pieces) <= 6
            assert set(each.pieces) == {3}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_no_ngram_occurs_twice(size):
    constraints = make_constraints(max_extra=9, min_length=8, no_repeat_ngram_size=size)
    free = make_constraints(max_extra=9, min_length=8)

    def repeats(found):
        return [
            len(ngrams) - len(set(ngrams))
            for each in found
            for ngrams in [
                [tuple(each.pieces[i : i + size]) for i in range(len(each.pieces) - size + 1)]
            ]
        ]

    blocked, unblocked = [], []
    for seed in range(6):
        table = Table(seed)
        for own, result in ((constraints, blocked), (free, unblocked)):
            for found in (
                *beam(table, [0, 1, 2], 3, constraints=own),
                *greedy(table, [0, 1, 2], own),
            ):
                result += repeats(found)
    assert not any(blocked)
    assert any(unblocked)


def test_repetition_penalty_multiplies_log_probabilities():
    """By hand, with a table where the penalty changes the second piece."""
    constraints = make_constraints(repetition_penalty=50.0, max_extra=2, min_length=2)

    def step(pieces, state):
        scores = torch.tensor([0.0, 0.0, 3.0, 1.0]).expand(*pieces.shape, PIECES)
        return scores, torch.zeros(*pieces.shape, POSITIONS), state

    state = Table(0).begin([0])
    (found,) = greedy_search(step, state, LENGTHS[:1], constraints)[0]
    assert found.pieces == [2, 3]
    constraints = make_constraints(max_extra=2, min_length=2)
    (found,) = greedy_search(step, Table(0).begin([0]), LENGTHS[:1], constraints)[0]
    assert found.pieces == [2, 2]


@pytest.mark.parametrize("width", [1, 3])
def test_prefixes_are_kept_and_scored(width):
    table = Table(6)
    prefixes = torch.tensor([[2, 2], [3, -1], [-1, -1]])
    result = beam(table, [0, 1, 2], width, RANKINGS["none"], prefixes=prefixes)
    free = beam(table, [0, 1, 2], width, RANKINGS["none"])
    assert all(each.pieces[:2] == [2, 2] for each in result[0])
    assert all(each.pieces[0] == 3 for each in result[1])
    assert result[2] == free[2]
    for sentence, found in enumerate(result):
        for each in found:
            expected = table.log_probs(sentence, tuple(each.pieces))
            assert each.piece_scores == pytest.approx(expected, abs=1e-5)


def test_an_empty_sequence_comes_only_when_asked_for():
    def step(pieces, state):
        scores = torch.tensor([0.0, 9.0, 1.0, 0.0]).repeat(*pieces.shape, 1)
        return scores, torch.zeros(*pieces.shape, POSITIONS), state

    for least, expected in ((0, []), (1, [2])):
        constraints = make_constraints(min_length=least)
        results = [
            greedy_search(step, Table(0).begin([0]), LENGTHS[:1], constraints),
            beam_search(step, Table(0).begin([0]), LENGTHS[:1], constraints, Ranking("none"), 2),
        ]
        assert [found[0][0].pieces for found in results] == [expected] * 2


def test_no_sentences_are_legal():
    table = Table(0)
    state = table.begin([])
    assert greedy_search(table.step, state, LENGTHS[:0], make_constraints()) == []
    assert beam_search(table.step, state, LENGTHS[:0], make_constraints(), Ranking(), 3) == []


@pytest.mark.parametrize("sentence", [0, 1])
@pytest.mark.parametrize("width", [1, 3])
def test_scores_that_are_not_numbers_are_an_error(width, sentence):
    table = NaNTable(sentence)
    with pytest.raises(ValueError, match="not numbers"):
        beam(table, [0, 1], width)
    with pytest.raises(ValueError, match="not numbers"):
        greedy(table, [0, 1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: make_constraints(min_length=-1), "min_length is -1"),
        (lambda: make_constraints(max_ratio=-0.5), "max_ratio is -0.5"),
        (lambda: make_constraints(max_ratio=0.0, max_extra=0), "both 0"),
        (lambda: make_constraints(repetition_penalty=0.5), "repetition_penalty is 0.5"),
        (lambda: make_constraints(no_repeat_ngram_size=-2), "no_repeat_ngram_size is -2"),
        (lambda: Ranking("long"), 'length_penalty is "long"'),
        (lambda: Ranking(coverage_penalty=-1.0), "coverage_penalty is -1"),
        (lambda: beam(Table(0), [0], 0), "beam_width is 0"),
    ],
)
def test_impossible_settings_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
