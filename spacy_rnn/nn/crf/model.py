"""A linear-chain conditional random field (Lafferty et al. 2001).

It is one distribution over all sequences of labels, instead of one at each word.

All sums are in log space. Each step is normalised, so that float32 is exact enough for sequences
of any length, and what is ruled out has the score minus infinity.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..batch.segments import check_lengths, first_and_last, segment_ids
from .constraints import TransitionConstraints, unconstrained
from .forward_backward import forward_backward, log_partition
from .viterbi import best_paths, k_best_paths


class Paths(NamedTuple):
    """The best sequences of labels of one sequence of words, the best first.

    labels (Tensor): The labels, shape `(paths, words)`.
    log_probabilities (Tensor): The logarithm of the probability of each, shape `(paths,)`.
    """

    labels: Tensor
    log_probabilities: Tensor


class CRF(nn.Module):
    """Score, train and decode sequences of labels.

    Everywhere below, `scores` are those of each label at each word of all sequences one after
    the other, `(words, labels)`; `lengths` are the words of each sequence, `(batch,)`, on the
    CPU; and `allowed` are the labels that are allowed at each word, booleans of shape
    `(words, labels)`, or None for all.

    labels (int): Number of labels.
    constraints (Callable[[int], TransitionConstraints]): Which labels may follow which, for so
        many labels. What they rule out has probability 0, also in training.
    """

    def __init__(
        self, labels: int, constraints: Callable[[int], TransitionConstraints] = unconstrained
    ):
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start_transitions = nn.Parameter(torch.zeros(labels))
        self.end_transitions = nn.Parameter(torch.zeros(labels))
        self.register_buffer("transitions_allowed", torch.ones(labels, labels, dtype=torch.bool))
        self.register_buffer("start_transitions_allowed", torch.ones(labels, dtype=torch.bool))
        self.register_buffer("end_transitions_allowed", torch.ones(labels, dtype=torch.bool))
        if self.transitions.is_meta:  # Where shapes alone are asked for, rules would take memory.
            return
        buffers = self.buffers()
        for buffer, allowed in zip(buffers, constraints(labels), strict=True):
            buffer.copy_(torch.from_numpy(allowed))

    def forward(self, scores: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
        """Compute the negative log-likelihood of what is known of the labels.

        Where more than one label is allowed at a word, the probabilities of all of them are
        summed up: what is not known is marginalised over (Tsuboi et al. 2008).

        RETURNS (Tensor): A number for each sequence, shape `(batch,)`.
        RAISES (ValueError): If the constraints leave a sequence without allowed labels.
        """
        scores = self._restrict(scores, lengths, None)
        weights = self._weights()
        if bool((allowed.sum(dim=1) == 1).all()):
            known = _path_score(scores, lengths, allowed.int().argmax(dim=1), *weights)
        else:
            known = log_partition(_rule_out(scores, ~allowed), lengths, *weights)
        loss = log_partition(scores, lengths, *weights) - known
        _check_possible(scores, loss)
        return loss.to(scores.dtype)

    @torch.enable_grad()
    def expect(self, scores: Tensor, lengths: Tensor) -> tuple[Tensor, ...]:
        """Compute how often each label and each transition is expected to occur.

        These are the gradients of the partition function.

        RETURNS (tuple[Tensor, ...]): The probability of each label at each word,
            `(words, labels)`; and over all sequences the expected numbers of transitions, starts
            and ends.
        """
        scores = self._restrict(scores, lengths, None)
        inputs = [each.detach().requires_grad_() for each in (scores, *self.parameters())]
        partition = log_partition(inputs[0], lengths, *self._weights(*inputs[1:]))
        return torch.autograd.grad(partition.sum(), inputs)

    def distill(self, scores: Tensor, lengths: Tensor, teacher: "CRF", taught: Tensor) -> Tensor:
        """Compute the divergence from the distribution of another CRF (Hinton et al. 2015).

        teacher (CRF): The other one, of the first labels of this one or of all.
        taught (Tensor): Its scores, `(words, labels)`.
        RETURNS (Tensor): The Kullback-Leibler divergence of all sequences, restricted to the
            labels of the teacher.
        """
        labels = taught.shape[1]
        expected = teacher.expect(taught, lengths)

        def cross_entropy(crf: CRF, scores: Tensor) -> Tensor:
            scores = crf._restrict(scores, lengths, None)[:, :labels]
            weights = [each[(slice(labels),) * each.ndim] for each in crf.parameters()]
            partition = log_partition(scores, lengths, *teacher._weights(*weights)).sum()
            pairs = zip(expected, (scores, *weights), strict=True)
            return partition - sum((count * each).sum().double() for count, each in pairs)

        return cross_entropy(self, scores) - cross_entropy(teacher, taught).detach()

    @torch.no_grad()
    def marginals(self, scores: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Compute the probability of each label at each word.

        RETURNS (Tensor): The probabilities, `(words, labels)`.
        """
        scores = self._restrict(scores, lengths, allowed)
        forward, backward = forward_backward(scores, lengths, *self._weights())
        return (forward + scores + backward).softmax(dim=1)

    @torch.no_grad()
    def path_marginals(
        self, scores: Tensor, lengths: Tensor, path: Tensor, allowed: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Compute how probable the parts of a sequence of labels are.

        A label depends on the words and on the label before it, but on none further back. So
        the probability that a path has exactly these labels from one word to another is the
        first number below at the first word, times the second at each of the others.

        path (Tensor): A label for each word, shape `(words,)`.
        RETURNS (tuple[Tensor, Tensor]): The logarithm of the probability of each word's label,
            and that of each word's label given the label before it, both `(words,)`.
        """
        scores = self._restrict(scores, lengths, allowed)
        transitions, start, end = self._weights()
        forward, backward = forward_backward(scores, lengths, transitions, start, end)
        marginals = (forward + scores + backward).log_softmax(dim=1)
        conditionals = (transitions[path.roll(1)] + scores + backward).log_softmax(dim=1)
        return _pick(marginals, path), _pick(conditionals, path)

    @torch.no_grad()
    def advance(self, scores: Tensor, before: Tensor | None) -> Tensor:
        """Log-probabilities of the labels of one more word, given the words so far.

        scores (Tensor): The word's scores, `(labels,)`.
        before (Tensor | None): What this returned for the previous word; None at the
            first word.
        RETURNS (Tensor): Log-probabilities, `(labels,)`.
        """
        transitions, start, _ = self._weights()
        reached = start if before is None else (before[:, None] + transitions).logsumexp(0)
        return (reached + scores).log_softmax(0)

    @torch.no_grad()
    def viterbi(self, scores: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Find the most probable labels.

        RETURNS (Tensor): The label of each word, `(words,)`.
        RAISES (ValueError): If the constraints leave a sequence without allowed labels.
        """
        scores = self._restrict(scores, lengths, allowed)
        path = best_paths(scores, lengths, *self._weights())
        _check_possible(scores, _path_score(scores, lengths, path, *self._weights()))
        return path

    @torch.no_grad()
    def k_best(
        self, scores: Tensor, lengths: Tensor, k: int, allowed: Tensor | None = None
    ) -> list[Paths]:
        """Find the k most probable sequences of labels.

        k (int): How many to find; fewer are returned where the constraints allow fewer.
        RETURNS (list[Paths]): Those of each sequence of words.
        RAISES (ValueError): If the constraints leave a sequence without allowed labels.
        """
        scores = self._restrict(scores, lengths, allowed)
        paths, possible = k_best_paths(scores, lengths, k, *self._weights())
        partition = log_partition(scores, lengths, *self._weights())
        _check_possible(scores, partition)
        totals = torch.stack(
            [_path_score(scores, lengths, path, *self._weights()) for path in paths]
        )
        return [
            _sort(Paths(labels[valid], (total - log_z)[valid]))
            for labels, valid, total, log_z in zip(
                paths.split(lengths.tolist(), dim=1),
                possible.unbind(1),
                totals.unbind(1),
                partition,
                strict=True,
            )
        ]

    def _restrict(self, scores: Tensor, lengths: Tensor, allowed: Tensor | None) -> Tensor:
        check_lengths(scores, lengths)
        # Sums of exponentials lose too much in half precision.
        scores = scores.to(torch.promote_types(scores.dtype, torch.float32))
        return scores if allowed is None else _rule_out(scores, ~allowed)

    def _weights(self, *weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the scores of transitions, starts and ends: its own, or others by its rules."""
        transitions, start, end = weights or self.parameters()
        return (
            _rule_out(transitions, ~self.get_buffer("transitions_allowed")),
            _rule_out(start, ~self.get_buffer("start_transitions_allowed")),
            _rule_out(end, ~self.get_buffer("end_transitions_allowed")),
        )


def _sort(paths: Paths) -> Paths:
    """Order paths by probability; the search, in fewer digits, may swap nearly equal ones."""
    order = paths.log_probabilities.argsort(descending=True, stable=True)
    return Paths(paths.labels[order], paths.log_probabilities[order])


def _rule_out(scores: Tensor, mask: Tensor) -> Tensor:
    return scores.masked_fill(mask, -torch.inf)


def _pick(scores: Tensor, labels: Tensor) -> Tensor:
    return scores.gather(1, labels[:, None]).squeeze(1)


def _path_score(
    scores: Tensor, lengths: Tensor, path: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Add up the scores along a path: a number for each sequence, in float64."""
    segment = segment_ids(lengths, scores.device)
    first, last = first_and_last(lengths, scores.device)
    total = scores.new_zeros(len(lengths), dtype=torch.float64)
    total = total.index_add(0, segment, _pick(scores, path).double())
    steps = transitions[path[:-1], path[1:]].double()
    within = segment[:-1] == segment[1:]
    total = total.index_add(0, segment[1:][within], steps[within])
    total = total.index_add(0, segment[first], start[path[first]].double())
    return total.index_add(0, segment[last], end[path[last]].double())


def _check_possible(scores: Tensor, results: Tensor) -> None:
    """Refuse sequences that no allowed labels fit."""
    wrong = (~torch.isfinite(results)).nonzero()
    if not len(wrong):
        return
    if bool(results.isnan().any() or (scores == torch.inf).any()):
        raise ValueError(
            "Scores of labels or weights are infinite or not numbers: lower the learning rate, "
            "or check the vectors below"
        )
    raise ValueError(
        f"No labels are left for sequence {int(wrong[0])} of the batch: what is annotated or "
        f"set there contradicts the constraints on the labels"
    )
