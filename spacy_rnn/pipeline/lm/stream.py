"""Streams of text that a language model reads: surprisal, and probabilities of the next piece."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
from spacy.tokens import Token

from ...architectures.language_model import LanguageModelT
from ...bridge.access import network_shim
from ...checks import check_count
from ...metrics.common import BITS
from ...text.subwords import END
from ...text.units import Units
from ..stream import Stream

if TYPE_CHECKING:
    from torch import Tensor

    from ...generation.state import SearchState
    from ...nn.lm.model import LanguageModel
    from ...nn.lm.stepper import LanguageModelStepper


class TextStream(Stream):
    """State of a language model within a text.

    model (LanguageModelT): The model.
    units (Units): Its vocabulary.
    carry (bool): Whether the state is carried over from one text to the next.
    state (bytes | None): Stored state to continue from, as `to_bytes` returned it.
    RAISES (ValueError): If the state is not that of a stream of the same model.
    """

    def __init__(
        self, model: LanguageModelT, units: Units, carry: bool, state: bytes | None = None
    ):
        self.units = units
        self.carry = carry
        super().__init__(network_shim(model), state)

    def restart(self) -> None:
        """Reset the state to the start of a text."""
        import torch

        from ...nn.lm.stepper import LanguageModelStepper

        with self._shim.predictor() as network:
            step = LanguageModelStepper(cast("LanguageModel", network))
            self._state = step.begin([torch.tensor([END])], 1, full=True).hypotheses

    def feed(self, text: str | Token) -> float:
        """Read the next part of the text.

        text (str | Token): A token, read with the space before it in its document; or a text: in
            a model of words a token, in one of subwords a word without the space before it, in
            one of characters any number of characters.
        RETURNS (float): Its surprisal in bits.
        RAISES (ValueError): If the stream is closed, or the model is one of subwords and the token
            is not the beginning of a word.
        """
        self._check_open()
        if isinstance(text, Token):
            text = self._with_space(text)
        return sum(self._read(piece) for piece in self.units.encode_string(text))

    def _with_space(self, token: Token) -> str:
        space = token.nbor(-1).whitespace_ if token.i else ""
        if self.units.kind == "characters":
            return space + token.text
        if self.units.kind == "subwords" and token.i and not space:
            raise ValueError(
                f"The token {token.text!r} goes on from {token.nbor(-1).text!r} without a space, "
                f"but subwords are those of a whole word: feed whole words, split at spaces"
            )
        return token.text

    def end(self) -> float:
        """Read the end of the text. The next call of `feed` begins another text.

        RETURNS (float): The surprisal of the end in bits.
        RAISES (ValueError): If the stream is closed.
        """
        surprisal = self._read(END)
        if not self.carry:
            self.restart()
        return surprisal

    def probabilities(self) -> np.ndarray:
        """Compute the probability of each next piece.

        RETURNS (np.ndarray): The probabilities of all pieces of the vocabulary, `(pieces,)`.
        RAISES (ValueError): If the stream is closed.
        """
        return self._log_probs().exp().cpu().numpy()

    def top_k(self, k: int = 10) -> list[tuple[str, float]]:
        """Return the k most probable next pieces.

        k (int): The number of pieces.
        RETURNS (list[tuple[str, float]]): Names and probabilities, the most probable first.
        RAISES (ValueError): If the stream is closed, or k is below 1.
        """
        check_count("k", k, 1)
        log_probs = self._log_probs()
        best = log_probs.topk(min(k, len(log_probs)))
        names = self.units.to_pieces(best.indices.tolist())
        return list(zip(names, best.values.exp().tolist(), strict=True))

    def _log_probs(self) -> "Tensor":
        self._check_open()
        with self._step() as step:
            return step.next_log_probs(self._now)[0, 0]

    def _read(self, piece: int) -> float:
        import torch

        self._check_open()
        with self._step() as step:
            surprisal = -float(step.next_log_probs(self._now)[0, 0, piece]) / BITS
            pieces = torch.tensor([[piece]], device=self._shim.device)
            self._state = step.advance(pieces, self._now).hypotheses
        return surprisal

    @property
    def _now(self) -> "SearchState":
        from ...generation.state import SearchState

        return SearchState((), self._state)

    @contextmanager
    def _step(self) -> "Iterator[LanguageModelStepper]":
        from ...nn.lm.stepper import LanguageModelStepper

        with self._shim.predictor(self._shim.step_precision()) as network:
            yield LanguageModelStepper(cast("LanguageModel", network))
