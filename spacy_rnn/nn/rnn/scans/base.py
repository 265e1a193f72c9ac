"""The interface of scans, and the base of those over the packed layout."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from ...batch.packed import pack
from ...kernels.prepared import UNPREPARED, UnpreparedWeights
from ..cells.base import Cell, State, Weights


@dataclass(frozen=True)
class ScanRequest:
    """What is asked of a scan: everything that the choice among `SCANS` depends on.

    cell (Cell): The cell.
    width (int): Features of each word between layers.
    hidden (int): Units of the hidden state of one direction.
    directions (int): 1, or 2 if the layers also read backwards.
    data (Tensor): The words, for their device and type.
    zoneouts (tuple[float, ...]): The rate of zoneout for each part of the state.
    training (bool): Whether zoneout is random, rather than its expectation.
    zero_state (bool): Whether all initial states are zero.
    final (bool): Whether the final states are needed.
    sequences (int): The number of sequences.
    prepared (UnpreparedWeights): Computes what follows from the weights alone.
    """

    cell: Cell
    width: int
    hidden: int
    directions: int
    data: Tensor
    zoneouts: tuple[float, ...]
    training: bool
    zero_state: bool
    final: bool
    sequences: int
    prepared: UnpreparedWeights = UNPREPARED

    @property
    def on_cpu(self) -> bool:
        """bool: Whether the words are on a CPU."""
        return self.data.device.type == "cpu"

    @property
    def has_zoneout(self) -> bool:
        """bool: Whether there is any zoneout."""
        return any(self.zoneouts)


class Scan(ABC):
    """One way to run a layer over a batch, laid out once for all layers.

    request (ScanRequest): What is asked for.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; at least one of them
        is not zero.
    """

    @abstractmethod
    def __init__(self, request: ScanRequest, lengths: Tensor): ...

    @staticmethod
    @abstractmethod
    def fits(request: ScanRequest) -> bool:
        """Whether this scan can do what is asked for, and is not slower than those after it.

        request (ScanRequest): What is asked for.
        RETURNS (bool): Whether it fits.
        """

    @abstractmethod
    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        """Run one layer.

        data (Tensor): Words of all sequences, shape `(words, inputs)`.
        weights (Sequence[Weights]): The weights of each direction.
        state (State): The initial states, each part `(directions, batch, hidden)`.
        RETURNS (tuple[Tensor, State]): The hidden states of all directions at each word,
            shape `(words, directions * hidden)`, in the type of the words; and the final state of
            each sequence, in the shape and type of the initial ones. Sequences without words keep
            their initial state. No states from a scan that does not compute them.
        """


class PackedScan(Scan):
    """A scan over the packed layout."""

    def __init__(self, request: ScanRequest, lengths: Tensor):
        self._request = request
        self._layout = pack(lengths, request.data.device)

    def run(self, data: Tensor, weights: Sequence[Weights], state: State) -> tuple[Tensor, State]:
        start = sort_state(state, self._layout.order)
        output, final = self._run_sorted(data, weights, start)
        return output.to(data.dtype), unsort_state(state, final, self._layout.order)

    @abstractmethod
    def _run_sorted(
        self, data: Tensor, weights: Sequence[Weights], state: State
    ) -> tuple[Tensor, State]:
        """Run one layer from states in the order of the layout to final states in that order."""


def sort_state(state: State, order: Tensor) -> State:
    """Select the states of the sequences that have words, in the order of a layout.

    state (State): The states, each part `(directions, batch, hidden)`.
    order (Tensor): The sequences in the order of the layout, `(sequences,)`.
    RETURNS (State): Theirs, each part `(directions, sequences, hidden)`.
    """
    return tuple(part.index_select(1, order) for part in state)


def unsort_state(before: State, after: State, order: Tensor) -> State:
    """Put states in the order of a layout back in the order of the batch.

    Sequences without words keep the state before.

    before (State): The states before, each part `(directions, batch, hidden)`.
    after (State): The states after, as `sort_state` returns them.
    order (Tensor): The sequences in the order of the layout, `(sequences,)`.
    RETURNS (State): The states after, in the shape and type of those before.
    """
    return tuple(
        old.index_copy(1, order, new.to(old.dtype)) for old, new in zip(before, after, strict=True)
    )
