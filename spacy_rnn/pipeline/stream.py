"""A text that comes bit by bit, read in constant time and memory."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Self

    from ..bridge.shim import NetworkShim


class Stream(ABC):
    """Where a model stands in a text: some tensors, always of the same size.

    It is open within its `with` block. Any number may be open side by side.

    shim (NetworkShim): The network that reads.
    state (bytes | None): What `to_bytes` returned, to go on from there.
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
        """Forget all, and stand before the first word of a text."""

    def __enter__(self) -> "Self":
        return self

    def __exit__(self, *error: object) -> None:
        self._open = False

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError("The stream is closed: read within its with block")

    def to_bytes(self) -> bytes:
        """Store where the stream stands.

        RETURNS (bytes): A safetensors file, of the same size at any time.
        """
        import torch
        from safetensors.torch import save

        # The output of a network of one layer is its state: safetensors want each by itself.
        whole = torch.contiguous_format
        parts = (part.cpu().clone(memory_format=whole) for part in self._state)
        return save({f"part{index}": part for index, part in enumerate(parts)})

    def from_bytes(self, data: bytes) -> "Self":
        """Go on from where a stream stood.

        data (bytes): What `to_bytes` returned, of a stream of the same model.
        RETURNS (Stream): The same stream.
        RAISES (ValueError): If it is anything else, or of a model of other sizes.
        """
        if not isinstance(data, bytes):
            raise ValueError(f"This is no state of a stream: {data!r}. Pass bytes of to_bytes")
        from safetensors import SafetensorError
        from safetensors.torch import load

        expected = {f"part{index}": part.shape for index, part in enumerate(self._state)}
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
        self._state = tuple(parts[name].to(self._shim.device) for name in expected)
        return self
