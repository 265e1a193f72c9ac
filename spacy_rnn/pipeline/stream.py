"""A text that comes bit by bit, read by a language model in constant time and memory."""

from typing import TYPE_CHECKING, cast

import numpy as np
from spacy.tokens import Token

from ..layers.language_model import LanguageModelModel
from ..metrics.language_model import BITS
from ..text.units import END, Units

if TYPE_CHECKING:
    from ..layers.shim import NetworkShim
    from ..nn.language_model import LanguageModel


class Stream:
    """What a model knows of a text so far.

    model (LanguageModelModel): The model.
    units (Units): Its vocabulary.
    carry (bool): Whether the model knows what it read when another text begins.
    """

    def __init__(self, model: LanguageModelModel, units: Units, carry: bool):
        self.units = units
        self.carry = carry
        self._shim = cast("NetworkShim", model.shims[0])
        self._open = True
        self.restart()

    def restart(self) -> None:
        """Forget all, and stand before the first word of a text."""
        import torch

        with self._shim.predictor() as network:
            network = cast("LanguageModel", network)
            self._state = network.begin([torch.tensor([END])], 1)
            self._look(network)

    def feed(self, text: str | Token) -> float:
        """Read what comes next.

        text (str | Token): A token; where the model foresees subwords, a word without the space
            before it; where it foresees characters, any number of these.
        RETURNS (float): Its surprisal in bits.
        """
        text = text if isinstance(text, str) else text.text
        return sum(self._read(piece) for piece in self.units.encode_string(text))

    def end(self) -> float:
        """Read that the text ends: what comes next begins another one.

        RETURNS (float): The surprisal of the end in bits.
        """
        surprisal = self._read(END)
        if not self.carry:
            self.restart()
        return surprisal

    def probabilities(self) -> np.ndarray:
        """Say what may come next.

        RETURNS (np.ndarray): A probability for each piece of the vocabulary, `(pieces,)`.
        """
        return self._log_probs.exp().cpu().numpy()

    def likely(self, number: int = 10) -> list[tuple[str, float]]:
        """Name what is most likely to come next.

        number (int): How many pieces to name.
        RETURNS (list[tuple[str, float]]): Pieces with their probabilities, the best first.
        """
        best = self._log_probs.topk(min(number, len(self._log_probs)))
        names = self.units.spell(best.indices.tolist())
        return list(zip(names, best.values.exp().tolist(), strict=True))

    def to_bytes(self) -> bytes:
        """Store where the stream stands.

        RETURNS (bytes): A safetensors file, of the same size at any time.
        """
        from safetensors.torch import save

        parts = {f"part{index}": part.cpu() for index, part in enumerate(self._state.hypotheses)}
        return save({name: part.contiguous() for name, part in parts.items()})

    def from_bytes(self, data: bytes) -> "Stream":
        """Go on from where a stream stood.

        data (bytes): What `to_bytes` returned, of a stream of the same model.
        RETURNS (Stream): The same stream.
        RAISES (ValueError): If it is anything else.
        """
        from safetensors import SafetensorError
        from safetensors.torch import load

        expected = {
            f"part{index}": part.shape for index, part in enumerate(self._state.hypotheses)
        }
        try:
            parts = load(data)
        except SafetensorError as error:
            raise ValueError(
                f"This is no state of a stream ({error}): pass what Stream.to_bytes returned"
            ) from error
        found = {name: part.shape for name, part in parts.items()}
        if found != expected:
            raise ValueError(
                f"This is the state of another model: it has the shapes {found}, but this one's "
                f"are {expected}. Load the model that the stream was read by"
            )
        from ..nn.search.state import SearchState

        states = tuple(parts[name].to(self._shim.device) for name in expected)
        self._state = SearchState(self._state.sentences, states)
        with self._shim.predictor() as network:
            network = cast("LanguageModel", network)
            self._log_probs = network.log_probs(states[0][:, 0])[0]
        return self

    def close(self) -> None:
        """Refuse to read on."""
        self._open = False

    def _read(self, piece: int) -> float:
        import torch

        if not self._open:
            raise ValueError("The stream is closed: read within its with block")
        surprisal = -float(self._log_probs[piece]) / BITS
        with self._shim.predictor() as network:
            network = cast("LanguageModel", network)
            pieces = torch.tensor([[piece]], device=self._shim.device)
            self._state = network.advance(pieces, self._state)
            self._look(network)
        return surprisal

    def _look(self, network: "LanguageModel") -> None:
        """Compute what may come next."""
        self._log_probs = network.log_probs(self._state.hypotheses[0][:, 0])[0]
