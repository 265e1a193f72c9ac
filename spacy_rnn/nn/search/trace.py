"""The path of a search: what was written at each step, and by whom it was begun."""

import operator
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import torch
from torch import Tensor

from .rules import Rules
from .state import Hypothesis

MAX_PLACES, MIN_WEIGHT = 8, 0.01
"""Places of the source that are remembered for each piece at most, and what they have to weigh:
all would take memory that grows with the product of the two lengths."""


@dataclass(frozen=True)
class _Record:
    """One step: the candidates of each sentence, `(batch, candidates)`, and the hypotheses that
    they came from, `(batch, hypotheses)`, with what these looked at.
    """

    sentences: Tensor
    pieces: Tensor
    parents: Tensor
    log_probs: Tensor
    slots: Tensor
    places: Tensor
    weights: Tensor


class Trace:
    """The path of a search over a batch of sentences, which leave it one by one.

    rules (Rules): What may be written.
    lengths (Tensor): Places of each source, `(batch,)`.
    prefixes (Tensor | None): The pieces that each sequence has to begin with, `(batch, any)`;
        -1 where it is free.
    """

    def __init__(self, rules: Rules, lengths: Tensor, prefixes: Tensor | None):
        batch, device = len(lengths), lengths.device
        self.rules = rules
        self.sentences = torch.arange(batch)
        self.finished: list[list[tuple[float, int, int]]] = [[] for _ in range(batch)]
        self._records: list[_Record] = []
        free = torch.zeros(batch, 0, dtype=torch.int64, device=device)
        self._prefixes = free if prefixes is None else prefixes.to(device)
        # What a sequence has to begin with is never cut off.
        prefix_lengths = (self._prefixes >= 0).sum(dim=1)
        self._most = torch.maximum(rules.most_pieces(lengths), prefix_lengths)
        self._slots = torch.zeros(batch, 1, dtype=torch.int64, device=device)
        self._history = self._slots[:, :, None][:, :, :0]
        self._candidates = self._history

    @property
    def time(self) -> int:
        """int: The steps so far."""
        return len(self._records)

    def score(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        """Turn the network's scores into log-probabilities.

        scores (Tensor): A score for each next piece, `(batch, hypotheses, pieces)`.
        RETURNS (tuple[Tensor, Tensor]): The log-probabilities, and what the rules leave of
            them.
        """
        plain = scores.float().log_softmax(dim=2)
        # Other rules leave a score as it is, or rule the piece out.
        changed = self.rules.look_back or self.time < self._prefixes.shape[1]
        return plain, self.rules.apply(
            plain.clone() if changed else plain,
            self.time,
            self._most,
            self._prefixes,
            self._history,
        )

    def add(self, pieces: Tensor, parents: Tensor, log_probs: Tensor, weights: Tensor) -> None:
        """Write down a step.

        pieces (Tensor): The candidates' next pieces, `(batch, candidates)`.
        parents (Tensor): The hypotheses that they go on from, `(batch, candidates)`.
        log_probs (Tensor): Their log-probabilities, `(batch, candidates)`.
        weights (Tensor): What each hypothesis looked at, `(batch, hypotheses, places)`.
        RAISES (ValueError): If the network's scores are not numbers.
        """
        if log_probs.isnan().any():
            raise ValueError(
                "The scores of the network are not numbers: its weights were spoilt in "
                "training. Train again with a lower learning rate or a smaller grad_clip"
            )
        heaviest = weights.topk(min(MAX_PLACES, weights.shape[2]), dim=2)
        self._records.append(
            _Record(
                self.sentences,
                pieces,
                parents,
                log_probs,
                self._slots,
                heaviest.indices,
                heaviest.values,
            )
        )
        if self.rules.look_back:
            before = self._history.gather(
                1, parents[:, :, None].expand(-1, -1, self._history.shape[2])
            )
            self._candidates = torch.cat([before, pieces[:, :, None]], 2)

    def finish(self, row: int, candidate: int, score: float) -> None:
        """Note that a candidate of the last step ended its sequence.

        row (int): Its row in the batch.
        candidate (int): Its place among the candidates.
        score (float): What it is ranked by.
        """
        sentence = int(self.sentences[row])
        self.finished[sentence].append((score, self.time - 1, candidate))

    def keep(self, rows: Tensor, chosen: Tensor) -> None:
        """Go on with some sentences and some of their candidates.

        rows (Tensor): The rows that stay, `(kept,)`.
        chosen (Tensor): Their candidates to go on with, `(kept, hypotheses)`.
        """
        self._slots = chosen
        if self.rules.look_back:
            self._history = self._candidates[rows[:, None], chosen]
        if len(rows) < len(self.sentences):
            self.sentences = self.sentences[rows.cpu()]
            self._most = self._most[rows]
            self._prefixes = self._prefixes[rows]

    def results(self, most: int) -> list[list[Hypothesis]]:
        """Read the finished sequences back.

        most (int): How many of each sentence to read.
        RETURNS (list[list[Hypothesis]]): The best of each sentence, the best first.
        """
        best = [sorted(ends, key=lambda end: -end[0])[:most] for ends in self.finished]
        ends = [(sentence, *end) for sentence, found in enumerate(best) for end in found]
        # The longest first, so that all that are as long as a step are the first few.
        order = sorted(range(len(ends)), key=lambda number: -ends[number][2])
        read = dict(zip(order, self._read([ends[number] for number in order]), strict=True))
        numbers = count()
        return [[read[next(numbers)] for _ in found] for found in best]

    def _read(self, ends: list[tuple[int, float, int, int]]) -> Iterator[Hypothesis]:
        """Follow the links of all sequences at once, from the last step to the first."""
        slots = self._slots
        sentences, scores, times, candidates = zip(*ends, strict=True) if ends else ((),) * 4
        sentence, candidate = slots.new_tensor(sentences), slots.new_tensor(candidates)
        width = self._records[0].places.shape[2] if ends else 0
        pieces = slots.new_zeros(len(ends), self.time)
        places = slots.new_zeros(len(ends), self.time, width)
        log_probs, weights = pieces.float(), places.float()
        for time in reversed(range(self.time)):
            record = self._records[time]
            going = slice(bisect_right(times, -time, key=operator.neg))
            row = torch.searchsorted(record.sentences.to(slots.device), sentence[going])
            parent = record.parents[row, candidate[going]]
            pieces[going, time] = record.pieces[row, candidate[going]]
            log_probs[going, time] = record.log_probs[row, candidate[going]]
            places[going, time] = record.places[row, parent]
            weights[going, time] = record.weights[row, parent].float()
            candidate[going] = record.slots[row, parent]
        # The heaviest come first.
        heavy = (weights >= MIN_WEIGHT).sum(2)
        columns = (pieces, log_probs, places, weights, heavy)
        for score, time, *written in zip(
            scores, times, *(column.tolist() for column in columns), strict=True
        ):
            own_pieces, own_scores, own_places, own_weights, numbers = written
            numbers = numbers[:time]
            yield Hypothesis(
                pieces=own_pieces[:time],
                score=score,
                piece_scores=own_scores[: time + 1],
                places=[row[:number] for row, number in zip(own_places, numbers, strict=False)],
                weights=[row[:number] for row, number in zip(own_weights, numbers, strict=False)],
            )
