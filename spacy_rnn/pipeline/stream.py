"""Streams: text that arrives bit by bit, read in constant time and memory."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

    from torch import Tensor

    from ..bridge.shim import NetworkShim


class Stream(ABC):
    """Recurrent state of a model within a text: tensors whose size does not change.

    It is open within its `with` block. Any number of streams may be open side by side.

    shim (NetworkShim): The shim of the network that reads.
    state (bytes | None): Stored state to continue from, as `to_bytes` returned it.
    RAISES (ValueError): If the state is not that of a stream of the same model.
    """

    def __init__(self, shim: "NetworkShim", state: bytes | None = None):
        self._shim = shim
        self._open = True
        self._state: tuple[Tensor, ...] = ()
        self.restart()
        if state is not None:
            self.from_bytes(state)

    @abstractmethod
    def restart(self) -> None:
        """Reset the state to the start of a text."""

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *error: object) -> None:
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("The stream is closed: read within its with block")

    def to_bytes(self) -> bytes:
        """Serialize the state.

        RETURNS (bytes): The state as safetensors, always of the same size.
        """
        import torch
        from safetensors.torch import save

        # In a network of one layer the state shares its memory with the output, which safetensors
        # refuses.
        contiguous = torch.contiguous_format
        parts = (part.cpu().clone(memory_format=contiguous) for part in self._state)
        return save({f"part{index}": part for index, part in enumerate(parts)})

    def from_bytes(self, data: bytes) -> "Self":
        """Load a state, to continue from it.

        data (bytes): The state of a stream of the same model, as `to_bytes` returned it.
        RETURNS (Stream): The stream itself.
        RAISES (ValueError): If it is anything else, or of a model of other sizes.
        """
        if not isinstance(data, bytes):
            raise ValueError(
                f"This is no state of a stream: {data!r}. Pass the bytes that to_bytes returned"
            )
        from safetensors import SafetensorError
        from safetensors.torch import load

        expected = {f"part{index}": part.shape for index, part in enumerate(self._state)}
        try:
            parts = load(data)
        except SafetensorError as error:
            raise ValueError(
                f"This is no state of a stream ({error}): pass what Stream.to_bytes returned"
            ) from error
        shapes = {name: part.shape for name, part in parts.items()}
        if shapes != expected:
            raise ValueError(
                f"This is the state of another model: it has the shapes {shapes}, but this model "
                f"needs {expected}. Load the model that the state was stored with"
            )
        self._state = tuple(parts[name].to(self._shim.device) for name in expected)
        return self
