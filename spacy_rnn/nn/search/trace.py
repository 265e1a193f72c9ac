"""The path of a search: what was written at each step, and by whom it was begun."""

from dataclasses import dataclass

import torch
from torch import Tensor

from .rules import Rules
from .state import Hypothesis

MAX_PLACES = 8
"""Places of the source that are remembered for each piece: all would take memory that grows
with the product of the two lengths."""


@dataclass(frozen=True)
class _Record:
    """One step, as plain lists: candidates by sentence, and the hypotheses they came from."""

    rows: dict[int, int]
    pieces: list[list[int]]
    parents: list[list[int]]
    log_probs: list[list[float]]
    slots: list[list[int]]
    places: list[list[list[int]]]
    weights: list[list[list[float]]]


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
        self._most = rules.most_pieces(lengths)
        free = torch.zeros(batch, 0, dtype=torch.int64, device=device)
        self._prefixes = free if prefixes is None else prefixes.to(device)
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
        return plain, self.rules.apply(
            plain.clone(), self.time, self._most, self._prefixes, self._history
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
                rows={sentence: row for row, sentence in enumerate(self.sentences.tolist())},
                pieces=pieces.tolist(),
                parents=parents.tolist(),
                log_probs=log_probs.tolist(),
                slots=self._slots.tolist(),
                places=heaviest.indices.tolist(),
                weights=heaviest.values.tolist(),
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

    def results(self) -> list[list[Hypothesis]]:
        """Read the finished sequences back.

        RETURNS (list[list[Hypothesis]]): Those of each sentence, the best first.
        """
        return [
            [
                self._read(sentence, *found)
                for found in sorted(ends, key=lambda end: end[0], reverse=True)
            ]
            for sentence, ends in enumerate(self.finished)
        ]

    def _read(self, sentence: int, score: float, time: int, candidate: int) -> Hypothesis:
        pieces, log_probs, places = [], [], []
        for record in reversed(self._records[: time + 1]):
            row = record.rows[sentence]
            parent = record.parents[row][candidate]
            pieces.append(record.pieces[row][candidate])
            log_probs.append(record.log_probs[row][candidate])
            pairs = zip(record.places[row][parent], record.weights[row][parent], strict=True)
            places.append([(place, weight) for place, weight in pairs if weight > 0])
            candidate = record.slots[row][parent]
        return Hypothesis(
            pieces=pieces[:0:-1], score=score, piece_scores=log_probs[::-1], places=places[:0:-1]
        )
