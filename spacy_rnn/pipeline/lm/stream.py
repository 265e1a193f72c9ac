"""A stream of text that a language model reads: how surprising it is, and what may come."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

import numpy as np
from spacy.tokens import Token

from ...architectures.language_model import LanguageModelT
from ...checks import check_count
from ...metrics.common import BITS
from ...text.units import END, Units
from ..stream import Stream

if TYPE_CHECKING:
    from torch import Tensor

    from ...bridge.shim import NetworkShim
    from ...generation.state import SearchState
    from ...nn.lm.model import LanguageModel
    from ...nn.lm.stepper import LanguageModelStepper


class TextStream(Stream):
    """What a language model knows of a text so far.

    model (LanguageModelT): The model.
    units (Units): Its vocabulary.
    carry (bool): Whether the model knows what it read when another text begins.
    state (bytes | None): What `to_bytes` returned, to go on from there.
    RAISES (ValueError): If the state is not that of a stream of the same model.
    """

    def __init__(
        self, model: LanguageModelT, units: Units, carry: bool, state: bytes | None = None
    ):
        self.units = units
        self.carry = carry
        super().__init__(cast("NetworkShim", model.shims[0]), state)

    def restart(self) -> None:
        """Forget all, and stand before the first piece of a text."""
        import torch

        from ...nn.lm.stepper import LanguageModelStepper

        with self._shim.predictor() as network:
            step = LanguageModelStepper(cast("LanguageModel", network))
            self._state = step.begin([torch.tensor([END])], 1, full=True).hypotheses

    def feed(self, text: str | Token) -> float:
        """Read what comes next.

        text (str | Token): A token, with what stands before it in its document; or a text: where
            the model foresees words a token, where it foresees subwords a word without the
            space before it, where it foresees characters any number of these.
        RETURNS (float): Its surprisal in bits.
        RAISES (ValueError): If the stream is closed, or the model foresees subwords and the token
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
                f"The token {token.text!r} goes on from {token.nbor(-1).text!r}, but subwords are "
                f"those of a whole word: feed words as they stand between spaces"
            )
        return token.text

    def end(self) -> float:
        """Read that the text ends: what comes next begins another one.

        RETURNS (float): The surprisal of the end in bits.
        RAISES (ValueError): If the stream is closed.
        """
        surprisal = self._read(END)
        if not self.carry:
            self.restart()
        return surprisal

    def probabilities(self) -> np.ndarray:
        """Say what may come next.

        RETURNS (np.ndarray): A probability for each piece of the vocabulary, `(pieces,)`.
        RAISES (ValueError): If the stream is closed.
        """
        return self._log_probs().exp().cpu().numpy()

    def top_k(self, k: int = 10) -> list[tuple[str, float]]:
        """Name what is most likely to come next.

        k (int): How many pieces to name.
        RETURNS (list[tuple[str, float]]): Pieces with their probabilities, the best first.
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
        from ...nn.kernels.linear import bfloat16_products
        from ...nn.lm.stepper import LanguageModelStepper

        with self._shim.predictor() as network, bfloat16_products():
            yield LanguageModelStepper(cast("LanguageModel", network))
