"""A linear-chain conditional random field (Lafferty et al. 2001): one distribution over all
sequences of labels, instead of one at each word.

All sums are over logarithms. A number is taken out at each step, so that float32 is exact
enough for sequences of any length, and what is ruled out has the score minus infinity.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd import Function

from .biluo import Rules, anything_goes
from .ragged import Packed, check_lengths, owners, pack
from .viterbi import best_paths, k_best_paths

MAX_PAIRS = 4_000_000
"""Pairs of labels whose probabilities are held at once: 16 MB."""


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

    labels (int): How many labels there are.
    rules (Callable[[int], Rules]): Tells for so many labels which may follow which. What they
        rule out has probability 0, in training too.
    """

    def __init__(self, labels: int, rules: Callable[[int], Rules] = anything_goes):
        super().__init__()
        self.transitions = nn.Parameter(torch.zeros(labels, labels))
        self.start = nn.Parameter(torch.zeros(labels))
        self.end = nn.Parameter(torch.zeros(labels))
        for name, rule in rules(labels)._asdict().items():
            self.register_buffer(f"{name}_rule", torch.from_numpy(rule))

    def forward(self, scores: Tensor, lengths: Tensor, allowed: Tensor) -> Tensor:
        """Compute the negative log-likelihood of what is known of the labels.

        Where more than one label is allowed at a word, the probabilities of all of them are
        summed up: what is not known is marginalised over (Tsuboi et al. 2008).

        RETURNS (Tensor): A number for each sequence, shape `(batch,)`.
        RAISES (ValueError): If the rules leave a sequence no labels that are allowed.
        """
        scores = self._restrict(scores, lengths, None)
        weights = self._weights()
        if bool((allowed.sum(dim=1) == 1).all()):
            known = _path_score(scores, lengths, allowed.int().argmax(dim=1), *weights)
        else:
            known = _partition(_rule_out(scores, ~allowed), lengths, *weights)
        loss = _partition(scores, lengths, *weights) - known
        _check_possible(scores, loss)
        return loss.to(scores.dtype)

    def log_partition(
        self, scores: Tensor, lengths: Tensor, allowed: Tensor | None = None
    ) -> Tensor:
        """Sum up the scores of all sequences of labels that are allowed.

        RETURNS (Tensor): The logarithm of the sum for each sequence, `(batch,)`, in float64.
        """
        return _partition(self._restrict(scores, lengths, allowed), lengths, *self._weights())

    @torch.no_grad()
    def marginals(self, scores: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Compute the probability of each label at each word.

        RETURNS (Tensor): The probabilities, `(words, labels)`.
        """
        scores = self._restrict(scores, lengths, allowed)
        before, behind = _messages(scores, lengths, *self._weights())
        return (before + scores + behind).softmax(dim=1)

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
        before, behind = _messages(scores, lengths, transitions, start, end)
        alone = (before + scores + behind).log_softmax(dim=1)
        after = transitions[path.roll(1)] + scores + behind
        return _pick(alone, path), _pick(after.log_softmax(dim=1), path)

    @torch.no_grad()
    def viterbi(self, scores: Tensor, lengths: Tensor, allowed: Tensor | None = None) -> Tensor:
        """Find the most probable labels.

        RETURNS (Tensor): The label of each word, `(words,)`.
        RAISES (ValueError): If the rules leave a sequence no labels that are allowed.
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

        k (int): How many to find; there are fewer where the rules allow fewer.
        RETURNS (list[Paths]): Those of each sequence of words.
        RAISES (ValueError): If the rules leave a sequence no labels that are allowed.
        """
        scores = self._restrict(scores, lengths, allowed)
        paths, possible = k_best_paths(scores, lengths, k, *self._weights())
        partition = _partition(scores, lengths, *self._weights())
        _check_possible(scores, partition)
        totals = torch.stack(
            [_path_score(scores, lengths, path, *self._weights()) for path in paths]
        )
        return [
            Paths(labels[keep], (total - whole)[keep])
            for labels, keep, total, whole in zip(
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

    def _weights(self) -> tuple[Tensor, Tensor, Tensor]:
        """Give the scores of transitions, starts and ends."""
        transitions, start, end = (
            _rule_out(self.get_parameter(name), ~self.get_buffer(f"{name}_rule"))
            for name in Rules._fields
        )
        return transitions, start, end


def _rule_out(scores: Tensor, where: Tensor) -> Tensor:
    return scores.masked_fill(where, -torch.inf)


def _pick(scores: Tensor, labels: Tensor) -> Tensor:
    return scores.gather(1, labels[:, None]).squeeze(1)


def _path_score(
    scores: Tensor, lengths: Tensor, path: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Add up the scores along a path: a number for each sequence, in float64."""
    owner = owners(lengths, scores.device)
    first, last = _ends(lengths, scores.device)
    total = scores.new_zeros(len(lengths), dtype=torch.float64)
    total = total.index_add(0, owner, _pick(scores, path).double())
    steps = transitions[path[:-1], path[1:]].double()
    within = owner[:-1] == owner[1:]
    total = total.index_add(0, owner[1:][within], steps[within])
    total = total.index_add(0, owner[first], start[path[first]].double())
    return total.index_add(0, owner[last], end[path[last]].double())


def _ends(lengths: Tensor, device: torch.device) -> tuple[Tensor, Tensor]:
    """Give the first and the last word of each sequence that has any."""
    lengths = lengths[lengths > 0]
    ends = lengths.cumsum(0)
    return (ends - lengths).to(device), (ends - 1).to(device)


def _check_possible(scores: Tensor, results: Tensor) -> None:
    """Refuse sequences that no labels fit."""
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
        f"set there contradicts the rules of the labels"
    )


def _partition(
    scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> Tensor:
    """Sum up the scores of all paths: a logarithm for each sequence, in float64."""
    return _LogPartition.apply(scores, lengths, transitions, start, end)


def _messages(
    scores: Tensor, lengths: Tensor, transitions: Tensor, start: Tensor, end: Tensor
) -> tuple[Tensor, Tensor]:
    """Sum up what reaches each label from the words before, and from those behind it."""
    messages, _ = _scan(scores, lengths, transitions, start, end, both=True)
    return messages[0], messages[1]


class _LogPartition(Function):
    """The gradients of log Z are the marginals (Sutton & McCallum 2012, section 4.1): the
    forward algorithm from both ends at once costs less than autograd through its steps."""

    @staticmethod
    def forward(ctx: Any, scores, lengths, transitions, start, end):
        weights = (transitions, start, end)
        needs = ctx.needs_input_grad[0] or any(ctx.needs_input_grad[2:])
        messages, norms = _scan(scores, lengths, *weights, both=needs)
        _, last = _ends(lengths, scores.device)
        owner = owners(lengths, scores.device)
        total = scores.new_zeros(len(lengths), dtype=torch.float64)
        total.index_add_(0, owner, norms[0].double())
        ended = (messages[0, last] + scores[last] + end).double().logsumexp(dim=1)
        total.index_add_(0, owner[last], ended)
        if needs:
            ctx.lengths = lengths
            ctx.save_for_backward(scores, transitions, messages, norms)
        return total

    @staticmethod
    def backward(ctx: Any, d_total):
        scores, transitions, messages, norms = ctx.saved_tensors
        before, behind = messages
        first, last = _ends(ctx.lengths, scores.device)
        owner = owners(ctx.lengths, scores.device)
        weight = d_total.to(scores.dtype)[owner]
        joint = before + scores + behind
        whole = joint.logsumexp(dim=1, keepdim=True)
        d_scores = (joint - whole).exp() * weight[:, None]
        d_transitions = torch.zeros_like(transitions)
        left = before + scores - whole - norms[1][:, None]
        right = scores + behind
        pairs = (owner[:-1] == owner[1:]).nonzero().squeeze(1)
        for words in pairs.split(max(1, MAX_PAIRS // transitions.numel())):
            together = left[words, :, None] + transitions + right[words + 1, None, :]
            d_transitions += torch.einsum("wij,w->ij", together.exp_(), weight[words])
        return d_scores, None, d_transitions, d_scores[first].sum(0), d_scores[last].sum(0)


def _scan(
    scores: Tensor,
    lengths: Tensor,
    transitions: Tensor,
    start: Tensor,
    end: Tensor,
    both: bool,
) -> tuple[Tensor, Tensor]:
    """Sum up what reaches each label at each word, from the start and perhaps from the end.

    What comes from the end is what comes from the start of the mirrored sequence, so that both
    are one loop.

    RETURNS (tuple[Tensor, Tensor]): The logarithms of the sums, without the word's own score
        and up to a number for each word, `(1 or 2, words, labels)`; and how much each is less
        than that of the word it comes from by, `(1 or 2, words)`.
    """
    layout = pack(lengths, scores.device)
    order, back = layout.words[None], layout.rows[None]
    weights, starts = transitions[None], start[None]
    if both:
        order = torch.stack([layout.words, layout.mirror[layout.words]])
        back = torch.stack([layout.rows, layout.rows[layout.mirror]])
        weights = torch.stack([transitions, transitions.T])
        starts = torch.stack([start, end])
    # The words of a step lie side by side, because there are more of them than labels.
    messages, norms = _scan_packed(
        scores[order].transpose(1, 2).contiguous(), layout, weights, starts
    )
    messages = messages.transpose(1, 2).gather(1, back[..., None].expand(-1, -1, scores.shape[1]))
    return messages, norms.gather(1, back)


def _scan_packed(
    scores: Tensor, layout: Packed, transitions: Tensor, start: Tensor
) -> tuple[Tensor, Tensor]:
    """Run the forward algorithm over `(scans, labels, rows)`."""
    messages = torch.empty_like(scores)
    norms = scores.new_zeros(len(scores), scores.shape[2])
    lowest = torch.finfo(scores.dtype).min  # What cannot be reached stays minus infinity.
    sizes = layout.batch_sizes.tolist()
    messages[..., : sum(sizes[:1])] = start[..., None]
    row = 0
    for size, going_on in pairwise(sizes):
        rows = slice(row, row + going_on)
        row += size
        state = messages[..., rows] + scores[..., rows]
        paths = state[:, :, None] + transitions[..., None]
        largest = paths.amax(dim=1).clamp_(min=lowest)
        total = paths.sub_(largest[:, None]).exp_().sum(dim=1).log_().add_(largest)
        norm = total.amax(dim=1).clamp_(min=lowest)
        messages[..., row : row + going_on] = total - norm[:, None]
        norms[:, row : row + going_on] = norm
    return messages, norms
