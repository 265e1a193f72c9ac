"""Tiny networks whose scores are tables, and searches that try everything."""

import itertools
import zlib

import torch
from torch import Tensor

from spacy_rnn.generation.constraints import DecodingConstraints
from spacy_rnn.generation.state import SearchState

START, END = 0, 1
PIECES = 4
POSITIONS = 3


def make_constraints(**settings) -> DecodingConstraints:
    """Make rules for tables, with lengths that do not depend on the source."""
    return DecodingConstraints(START, END, **{"max_ratio": 0.0, "max_extra": 3, **settings})


class Table:
    """A network that knows all that was written, and the sentence, by a random table.

    Its state is the number of the sentence, and for each hypothesis the pieces so far, written
    as one number, so that any confusion of sentences or hypotheses changes the scores.
    """

    def __init__(self, seed: int, scale: float = 2.0, pieces: int = PIECES):
        self.seed, self.scale, self.pieces = seed, scale, pieces

    def row(self, sentence: int, pieces: tuple[int, ...]) -> Tensor:
        """Give the scores after some pieces: the same numbers each time."""
        return self.scale * torch.randn(
            self.pieces, generator=self._generator(sentence, pieces, 0)
        )

    def weights(self, sentence: int, pieces: tuple[int, ...]) -> Tensor:
        """Give the attention after some pieces."""
        return torch.randn(POSITIONS, generator=self._generator(sentence, pieces, 1)).softmax(0)

    def _generator(self, *key) -> torch.Generator:
        code = zlib.crc32(repr((self.seed, key)).encode())
        return torch.Generator().manual_seed(code)

    def begin(self, sentences: list[int]) -> SearchState:
        """Stand before the first piece of some sentences."""
        numbers = torch.tensor(sentences)
        return SearchState((numbers[:, None],), (torch.zeros(len(sentences), 1, 0).long(),))

    def step(self, pieces: Tensor, state: SearchState) -> tuple[Tensor, Tensor, SearchState]:
        """Do as the step of a network does."""
        (sentences,), (written,) = state.sentences, state.hypotheses
        written = torch.cat([written, pieces[:, :, None]], 2)
        rows = [
            [(int(sentence), tuple(pieces[1:])) for pieces in hypotheses]
            for sentence, hypotheses in zip(sentences, written.tolist(), strict=True)
        ]
        scores = torch.stack([torch.stack([self.row(*each) for each in row]) for row in rows])
        weights = torch.stack([torch.stack([self.weights(*each) for each in row]) for row in rows])
        return scores, weights, SearchState(state.sentences, (written,))

    def log_probs(self, sentence: int, pieces: tuple[int, ...]) -> list[float]:
        """Give the log-probability of each piece, and of the end, one by one."""
        return [
            float(self.row(sentence, pieces[:time]).log_softmax(0)[piece])
            for time, piece in enumerate((*pieces, END))
        ]


class NaNTable(Table):
    """A network whose scores for one sentence are NaN."""

    def __init__(self, sentence: int):
        super().__init__(0)
        self.sentence = sentence

    def row(self, sentence: int, pieces: tuple[int, ...]) -> Tensor:
        """Give the scores after some pieces."""
        row = super().row(sentence, pieces)
        return row * torch.nan if sentence == self.sentence else row


def all_sequences(most: int, least: int = 1, pieces: int = PIECES) -> list[tuple[int, ...]]:
    """List all sequences of pieces without special pieces."""
    inner = [piece for piece in range(pieces) if piece not in (START, END)]
    return [
        pieces
        for length in range(least, most + 1)
        for pieces in itertools.product(inner, repeat=length)
    ]
