"""The CRF against all of its paths, one by one, and against `pytorch-crf`."""

from itertools import pairwise, product

import numpy as np
import pytest
import torch
import torchcrf

import spacy_rnn.nn.crf.forward_backward
from spacy_rnn.nn.crf.biluo import biluo_constraints
from spacy_rnn.nn.crf.constraints import unconstrained
from spacy_rnn.nn.crf.forward_backward import log_partition
from spacy_rnn.nn.crf.model import CRF

LENGTHS = torch.tensor([2, 0, 4, 1, 4, 3])
WORDS = int(LENGTHS.sum())
RULES = {"free": (unconstrained, 4), "biluo": (biluo_constraints, 5), "single": (unconstrained, 1)}

each_restriction = pytest.mark.parametrize("restricted", [False, True])


def make_crf(constraints, labels, dtype=torch.float64):
    crf = CRF(labels, constraints).to(dtype)
    for parameter in crf.parameters():
        torch.nn.init.normal_(parameter)
    return crf


@pytest.fixture(params=RULES)
def crf(request):
    return make_crf(*RULES[request.param])


@pytest.fixture
def scores(crf):
    return torch.randn(WORDS, len(crf.start_transitions), dtype=torch.float64)


@pytest.fixture
def allowed(scores, restricted):
    """Which labels are allowed: all, or some and the first, which is right anywhere."""
    if not restricted:
        return None
    allowed = torch.rand(scores.shape) < 0.6
    allowed[:, 0] = True
    return allowed


def all_paths(crf, scores, allowed=None):
    """Give for each sequence its possible paths with their scores, the best first."""
    transitions, start, end = (
        weight.detach().masked_fill(~crf.get_buffer(f"{name}_allowed"), -torch.inf)
        for name, weight in crf.named_parameters()
    )
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    for own in scores.split(LENGTHS.tolist()):
        found = {(): 0.0} if not len(own) else {}
        for path in product(range(scores.shape[1]), repeat=len(own)) if len(own) else ():
            score = float(start[path[0]] + end[path[-1]])
            score += sum(float(row[label]) for row, label in zip(own, path, strict=True))
            score += sum(float(transitions[pair]) for pair in pairwise(path))
            if score > -np.inf:
                found[path] = score
        yield dict(sorted(found.items(), key=lambda item: -item[1]))


def log_sum(scores):
    return float(torch.tensor(list(scores), dtype=torch.float64).logsumexp(0))


def partition(crf, scores, allowed=None):
    if allowed is not None:
        scores = scores.masked_fill(~allowed, -torch.inf)
    return log_partition(scores, LENGTHS, *crf._weights())


@each_restriction
def test_partition_is_the_sum_over_all_paths(crf, scores, allowed):
    expected = [log_sum(paths.values()) for paths in all_paths(crf, scores, allowed)]
    actual = partition(crf, scores, allowed)
    torch.testing.assert_close(actual.tolist(), expected)


@each_restriction
def test_viterbi_finds_the_best_path(crf, scores, allowed):
    expected = [label for paths in all_paths(crf, scores, allowed) for label in next(iter(paths))]
    assert crf.viterbi(scores, LENGTHS, allowed).tolist() == expected


@each_restriction
@pytest.mark.parametrize("k", [1, 3, 30])
def test_k_best_finds_the_best_paths_with_their_probabilities(crf, scores, allowed, k):
    found = crf.k_best(scores, LENGTHS, k, allowed)
    for paths, every in zip(found, all_paths(crf, scores, allowed), strict=True):
        assert [tuple(path.tolist()) for path in paths.labels] == list(every)[:k]
        whole = log_sum(every.values())
        expected = [score - whole for score in list(every.values())[:k]]
        torch.testing.assert_close(paths.log_probabilities.tolist(), expected)


@each_restriction
def test_marginals_are_sums_over_paths(crf, scores, allowed):
    expected = torch.zeros_like(scores)
    row = 0
    for length, paths in zip(LENGTHS.tolist(), all_paths(crf, scores, allowed), strict=True):
        whole = log_sum(paths.values())
        for path, score in paths.items():
            expected[range(row, row + length), path] += np.exp(score - whole)
        row += length
    torch.testing.assert_close(crf.marginals(scores, LENGTHS, allowed), expected)


def test_marginals_are_the_gradient_of_the_partition(crf, scores):
    scores.requires_grad_()
    partition(crf, scores).sum().backward()
    torch.testing.assert_close(crf.marginals(scores.detach(), LENGTHS), scores.grad)


@each_restriction
def test_path_marginals_multiply_to_those_of_any_part(crf, scores, allowed):
    path = crf.viterbi(scores, LENGTHS, allowed)
    alone, given = crf.path_marginals(scores, LENGTHS, path, allowed)
    row = 0
    for length, paths in zip(LENGTHS.tolist(), all_paths(crf, scores, allowed), strict=True):
        own = tuple(path[row : row + length].tolist())
        whole = log_sum(paths.values())
        for start in range(length):
            for end in range(start + 1, length + 1):
                part = [paths[each] for each in paths if each[start:end] == own[start:end]]
                found = alone[row + start] + given[row + start + 1 : row + end].sum()
                assert float(found) == pytest.approx(log_sum(part) - whole, abs=1e-9)
        row += length


@each_restriction
def test_loss_is_what_allowed_paths_lack(crf, scores, allowed):
    known = torch.ones_like(scores, dtype=torch.bool) if allowed is None else allowed
    every = [log_sum(paths.values()) for paths in all_paths(crf, scores)]
    right = [log_sum(paths.values()) for paths in all_paths(crf, scores, allowed)]
    torch.testing.assert_close(
        crf(scores, LENGTHS, known).tolist(), (np.array(every) - right).tolist()
    )


def test_one_allowed_path_is_known_wholly(crf, scores):
    """A sequence of which all is known takes a shorter way, to the same loss."""
    path = crf.viterbi(scores, LENGTHS)
    known = torch.nn.functional.one_hot(path, scores.shape[1]).bool()
    best = [next(iter(paths.values())) for paths in all_paths(crf, scores)]
    every = [log_sum(paths.values()) for paths in all_paths(crf, scores)]
    torch.testing.assert_close(
        crf(scores, LENGTHS, known).tolist(), (np.array(every) - best).tolist()
    )


@each_restriction
@pytest.mark.parametrize("pairs", [1, 1_000_000], ids=["one by one", "at once"])
def test_gradients_are_those_of_finite_differences(crf, scores, allowed, pairs, monkeypatch):
    monkeypatch.setattr(spacy_rnn.nn.crf.forward_backward, "MAX_PAIRS", pairs)
    known = torch.nn.functional.one_hot(crf.viterbi(scores, LENGTHS), scores.shape[1]).bool()
    if allowed is not None:
        known |= allowed
    names = [name for name, _ in crf.named_parameters()]

    def run(scores, *weights):
        return torch.func.functional_call(
            crf, dict(zip(names, weights, strict=True)), (scores, LENGTHS, known)
        )

    inputs = (scores.requires_grad_(), *crf.parameters())
    assert torch.autograd.gradcheck(run, inputs)


@pytest.mark.parametrize("labels", [1, 5])
def test_it_agrees_with_pytorch_crf(labels):
    crf, other = make_crf(unconstrained, labels), torchcrf.CRF(labels, batch_first=True).double()
    with torch.no_grad():
        other.transitions.copy_(crf.transitions)
        other.start_transitions.copy_(crf.start_transitions)
        other.end_transitions.copy_(crf.end_transitions)
    lengths = torch.tensor([7, 3, 1, 5])
    scores = torch.randn(16, labels, dtype=torch.float64)
    path = torch.randint(labels, (16,))
    known = torch.nn.functional.one_hot(path, labels).bool()
    pad = torch.nn.utils.rnn.pad_sequence
    grid = pad(scores.split(lengths.tolist()), batch_first=True)
    tags = pad(path.split(lengths.tolist()), batch_first=True)
    mask = torch.arange(7) < lengths[:, None]
    torch.testing.assert_close(
        -crf(scores, lengths, known), other(grid, tags, mask, reduction="none")
    )
    assert crf.viterbi(scores, lengths).tolist() == [
        label for each in other.decode(grid, mask) for label in each
    ]


def test_neighbours_change_nothing(crf):
    crf = crf.float()
    scores = torch.randn(WORDS, len(crf.start_transitions))
    rows = scores.split(LENGTHS.tolist())
    alone = [crf.marginals(own, torch.tensor([len(own)])) for own in rows]
    torch.testing.assert_close(crf.marginals(scores, LENGTHS), torch.cat(alone), atol=1e-5, rtol=0)
    best = [crf.viterbi(own, torch.tensor([len(own)])) for own in rows]
    assert torch.equal(crf.viterbi(scores, LENGTHS), torch.cat(best))
    other = torch.cat([*rows[::-1], 100 * torch.randn(400, len(crf.start_transitions))])
    lengths = torch.tensor([*LENGTHS.tolist()[::-1], 400])
    torch.testing.assert_close(
        crf.marginals(other, lengths)[:WORDS], torch.cat(alone[::-1]), atol=1e-5, rtol=0
    )


def test_float32_is_exact_enough_for_long_sequences_of_many_labels():
    lengths = torch.tensor([5000])
    crf = make_crf(unconstrained, 50)
    scores = 10 * torch.randn(5000, 50, dtype=torch.float64)
    path = crf.viterbi(scores, lengths)
    known = torch.nn.functional.one_hot(path, 50).bool()
    exact, loss = crf.marginals(scores, lengths), crf(scores, lengths, known)
    crf = crf.float()
    torch.testing.assert_close(
        crf.marginals(scores.float(), lengths).double(), exact, atol=1e-4, rtol=0
    )
    torch.testing.assert_close(
        crf(scores.float(), lengths, known).double(), loss, atol=0.01, rtol=1e-5
    )


def test_best_paths_of_long_sequences_are_those_of_float64():
    """Sums along a path lose the digits that distinguish labels, if they grow."""
    crf = make_crf(unconstrained, 5)
    lengths = torch.tensor([20_000])
    scores = 50 + torch.randn(20_000, 5, dtype=torch.float64)
    exact, (pair,) = crf.viterbi(scores, lengths), crf.k_best(scores, lengths, 2)
    crf, scores = crf.float(), scores.float()
    assert (crf.viterbi(scores, lengths) != exact).sum() < 5
    assert (crf.k_best(scores, lengths, 2)[0].labels[0] != pair.labels[0]).sum() < 5


def test_impossible_is_far_from_unlikely():
    """The paths that are right may be the worst ones by far, for thousands of words."""
    crf = make_crf(biluo_constraints, 9, torch.float32)
    lengths = torch.tensor([1000])
    scores = torch.randn(1000, 9)
    scores[:, 0] += 50
    known = torch.zeros(1000, 9, dtype=torch.bool)
    known[:, [0, 2]] = True
    known[0], known[-1] = False, False
    known[0, 1] = known[-1, 3] = True
    scores.requires_grad_()
    loss = crf(scores, lengths, known)
    loss.sum().backward()
    assert torch.isfinite(loss).all()
    assert loss > 1000 * 40
    assert torch.isfinite(scores.grad).all()
    path = crf.viterbi(scores.detach(), lengths, known)
    assert path.tolist() == [1] + [2] * 998 + [3]


def test_no_labels_left_is_an_error_that_names_the_sequence():
    crf = make_crf(biluo_constraints, 5)
    scores = torch.randn(4, 5, dtype=torch.float64)
    lengths = torch.tensor([2, 2])
    known = torch.ones(4, 5, dtype=torch.bool)
    known[2] = torch.tensor([False, True, False, False, False])  # It begins,
    known[3] = torch.tensor([True, False, False, False, False])  # and does not go on.
    for run in (
        lambda: crf(scores, lengths, known),
        lambda: crf.viterbi(scores, lengths, known),
        lambda: crf.k_best(scores, lengths, 2, known),
    ):
        with pytest.raises(ValueError, match="No labels are left for sequence 1 "):
            run()


@pytest.mark.parametrize("bad", [torch.nan, torch.inf])
def test_scores_that_are_not_finite_are_an_error(bad):
    crf = make_crf(unconstrained, 3)
    scores = torch.zeros(2, 3, dtype=torch.float64)
    scores[1, 1] = bad
    with pytest.raises(ValueError, match="infinite or not numbers"):
        crf.viterbi(scores, torch.tensor([2]))


@pytest.mark.parametrize("lengths", [[], [0], [0, 0]])
def test_batches_without_words(crf, lengths):
    lengths = torch.tensor(lengths, dtype=torch.int64)
    scores = torch.zeros(0, len(crf.start_transitions), dtype=torch.float64, requires_grad=True)
    loss = crf(scores, lengths, torch.zeros(scores.shape, dtype=torch.bool))
    assert loss.tolist() == [0.0] * len(lengths)
    loss.sum().backward()
    assert crf.viterbi(scores.detach(), lengths).tolist() == []
    assert crf.marginals(scores.detach(), lengths).shape == scores.shape
    paths = crf.k_best(scores.detach(), lengths, 2)
    assert [each.log_probabilities.tolist() for each in paths] == [[0.0]] * len(lengths)


def test_it_learns_what_transitions_alone_can_tell():
    """The right label is another one than that of the word before, whatever the scores."""
    crf = CRF(2)
    optimizer = torch.optim.Adam(crf.parameters(), lr=0.1)
    path = torch.arange(40) % 2
    known = torch.nn.functional.one_hot(path, 2).bool()
    lengths = torch.tensor([10, 20, 10])
    for _ in range(50):
        optimizer.zero_grad()
        crf(torch.zeros(40, 2), lengths, known).sum().backward()
        optimizer.step()
    assert crf.viterbi(torch.zeros(40, 2), lengths).tolist() == path.tolist()


def test_what_is_told_so_far_is_the_sum_over_all_paths_so_far(crf, scores):
    """The end of a sequence has no part in it."""
    torch.nn.init.zeros_(crf.end_transitions)
    crf.end_transitions_allowed.fill_(True)
    now = None
    own = scores[2:6]  # The third sequence.
    for word in range(len(own)):
        now = crf.advance(own[word], now)
        whole = crf.marginals(own[: word + 1], torch.tensor([word + 1]))
        torch.testing.assert_close(now.exp(), whole[-1])
