"""Recurrent cells: a class each, and `CELLS`, the table of them by name.

A cell says how many gates it has and what its state consists of, takes a step, and initialises its
weights. A cell that one of torch's kernels computes names the kernel; all others run step by step.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

State = tuple[Tensor, ...]
"""A tensor for each part of a cell's state, `(directions, batch, hidden)` in a scan and
`(batch, hidden)` in a step."""

LayerStates = tuple[Tensor, ...]
"""The state of a stack of layers, layer by layer and within a layer part by part, each
`(batch, hidden)`."""

StepFunction = Callable[[Tensor, State], State]
"""One step of a cell: from the input's part of the gates, `(batch, gates * hidden)`, and the
state before the step to the state after it."""

MakeLinear = Callable[[Tensor, Tensor], Callable[[Tensor], Tensor]]
"""Makes a linear function of rows from a matrix `(outputs, columns)` and a bias `(outputs,)`."""


class Weights(NamedTuple):
    """The weights of one direction of one layer, named and ordered as torch's own.

    weight_ih (Tensor): The input matrix, `(gates * hidden, inputs)`.
    weight_hh (Tensor): The recurrent weight, `(gates * hidden, hidden)` unless the cell says
        otherwise.
    bias_ih (Tensor): The bias of the input matrix, `(gates * hidden,)`.
    bias_hh (Tensor): The bias of the recurrent weight, `(gates * hidden,)`.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor


class Cell(ABC):
    """A recurrent cell. It holds no weights, only what is done with them.

    name (str): The name in a config.
    gates (tuple[str, ...]): The gates and candidates that a step computes from the input, in the
        order in which the rows of the weights have them.
    state_parts (tuple[str, ...]): The parts of the state. The first one is the output.
    has_chrono_init (bool): Whether the cell has gates that chrono initialisation applies to.
    kernel (Callable | None): Torch's kernel for packed sequences. None: the cell runs step by
        step.
    """

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    state_parts: ClassVar[tuple[str, ...]] = ("hidden",)
    has_chrono_init: ClassVar[bool] = False
    kernel: ClassVar[Callable[..., tuple[Tensor, ...]] | None] = None

    @abstractmethod
    def prepare_step(
        self, weight_hh: Tensor, bias_hh: Tensor, make_linear: MakeLinear
    ) -> StepFunction:
        """Prepare a step with given recurrent weights, for any number of steps.

        weight_hh (Tensor): The recurrent weight.
        bias_hh (Tensor): Its bias, `(gates * hidden,)`.
        make_linear (MakeLinear): Makes the products with matrices of weights: how these are
            computed is up to the caller.
        RETURNS (StepFunction): The step.
        """

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of the recurrent weight.

        hidden (int): Units of the hidden state.
        RETURNS (tuple[int, ...]): The shape.
        """
        return len(self.gates) * hidden, hidden

    def init_input_weight(self, weight_ih: Tensor) -> None:
        """Initialise the input matrix in place: gate by gate uniformly (Glorot & Bengio 2010).

        weight_ih (Tensor): The matrix, `(gates * hidden, inputs)`.
        """
        for gate in weight_ih.chunk(len(self.gates)):
            nn.init.xavier_uniform_(gate)

    def init_recurrent_weight(self, weight_hh: Tensor) -> None:
        """Initialise the recurrent weight in place: orthogonal gate by gate (Saxe et al. 2014).

        weight_hh (Tensor): The weight, of the shape that `recurrent_shape` returns.
        """
        for gate in weight_hh.chunk(len(self.gates)):
            nn.init.orthogonal_(gate)

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the bias of the input matrix in place: zeros unless the cell says otherwise.

        bias_ih (Tensor): The bias, `(gates * hidden,)`.
        forget_bias (float): The bias of the forget gate of an LSTM.
        chrono_init (int | None): The longest dependency in words to initialise the gates for;
            always None where `has_chrono_init` is False.
        """
        nn.init.zeros_(bias_ih)


class SingleProductCell(Cell):
    """A cell that uses the hidden state in one product, and otherwise element by element.

    The product is that with the recurrent matrix. It can be computed together with another product
    of the hidden state.
    """

    @abstractmethod
    def step(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        """Take one step.

        inputs (Tensor): The input's part of the gates, `(batch, gates * hidden)`.
        recurrent (Tensor): The hidden state's part of the gates, of the same shape.
        state (State): The state before the step, each part `(batch, hidden)`.
        RETURNS (State): The state after the step, in the type of the state before it.
        """

    def prepare_step(
        self, weight_hh: Tensor, bias_hh: Tensor, make_linear: MakeLinear
    ) -> StepFunction:
        multiply = make_linear(weight_hh, bias_hh)
        return lambda inputs, state: self.step(inputs, multiply(state[0]), state)


class LSTM(SingleProductCell):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; Gers et al. 2000)."""

    name = "lstm"
    gates = ("input", "forget", "cell", "output")
    state_parts = ("hidden", "cell")
    has_chrono_init = True
    kernel = staticmethod(torch.lstm)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        input_gate, forget_gate, candidate, output_gate = (inputs + recurrent).chunk(4, dim=1)
        cell = forget_gate.sigmoid() * state[1] + input_gate.sigmoid() * candidate.tanh()
        return output_gate.sigmoid() * cell.tanh(), cell

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Set the bias of the forget gate (Jozefowicz et al. 2015), or initialise by chrono.

        Chrono initialisation sets the biases of input and forget gates (Tallec & Ollivier 2018).
        """
        nn.init.zeros_(bias_ih)
        input_gate, forget_gate, _, _ = bias_ih.chunk(4)
        if chrono_init is None:
            forget_gate.fill_(forget_bias)
        else:
            forget_gate.copy_(_draw_chrono_bias(forget_gate, chrono_init))
            input_gate.copy_(-forget_gate)


class GRU(SingleProductCell):
    """Gated recurrent unit (Cho et al. 2014).

    The reset gate is applied after the product, as in torch.
    """

    name = "gru"
    gates = ("reset", "update", "new")
    has_chrono_init = True
    kernel = staticmethod(torch.gru)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        hidden = state[0]
        sizes = (2 * hidden.shape[1], hidden.shape[1])
        input_gates, input_new = inputs.split_with_sizes(sizes, dim=1)
        recurrent_gates, recurrent_new = recurrent.split_with_sizes(sizes, dim=1)
        reset, update = (input_gates + recurrent_gates).sigmoid().chunk(2, dim=1)
        new = torch.addcmul(input_new, reset, recurrent_new).tanh()
        # Not rounded to the gates' type at each step, where autocast computes these in bfloat16.
        return (torch.lerp(new.to(hidden.dtype), hidden, update.to(hidden.dtype)),)

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the update gate by chrono initialisation (Tallec & Ollivier 2018)."""
        nn.init.zeros_(bias_ih)
        if chrono_init is not None:
            _, update_gate, _ = bias_ih.chunk(3)
            update_gate.copy_(_draw_chrono_bias(update_gate, chrono_init))


class TanhRNN(SingleProductCell):
    """A plain recurrent cell (Elman 1990)."""

    name = "rnn_tanh"
    gates = ("new",)
    kernel = staticmethod(torch.rnn_tanh)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        return ((inputs + recurrent).tanh().to(state[0].dtype),)


class ReLURNN(SingleProductCell):
    """A plain recurrent cell with rectified linear units (Le et al. 2015)."""

    name = "rnn_relu"
    gates = ("new",)
    kernel = staticmethod(torch.rnn_relu)

    def step(self, inputs: Tensor, recurrent: Tensor, state: State) -> State:
        return ((inputs + recurrent).relu().to(state[0].dtype),)


class MGU(Cell):
    """Minimal gated unit (Zhou et al. 2016), whose only gate is the forget gate.

    The gate is applied to the hidden state before the product, and also weighs the new state: the
    more is forgotten, the more is written.
    """

    name = "mgu"
    gates = ("forget", "new")
    has_chrono_init = True

    def prepare_step(
        self, weight_hh: Tensor, bias_hh: Tensor, make_linear: MakeLinear
    ) -> StepFunction:
        multiply_gate, multiply_new = map(make_linear, weight_hh.chunk(2), bias_hh.chunk(2))

        def step(inputs: Tensor, state: State) -> State:
            hidden = state[0]
            input_gate, input_new = inputs.chunk(2, dim=1)
            forget = (input_gate + multiply_gate(hidden)).sigmoid()
            new = (input_new + multiply_new(forget * hidden)).tanh()
            return (torch.lerp(hidden, new.to(hidden.dtype), forget.to(hidden.dtype)),)

        return step

    def init_bias(self, bias_ih: Tensor, forget_bias: float, chrono_init: int | None) -> None:
        """Initialise the forget gate by chrono initialisation (Tallec & Ollivier 2018).

        A positive bias would make it forget, so `forget_bias`, by which an LSTM remembers, has no
        effect.
        """
        nn.init.zeros_(bias_ih)
        if chrono_init is not None:
            forget_gate, _ = bias_ih.chunk(2)
            forget_gate.copy_(-_draw_chrono_bias(forget_gate, chrono_init))


class IndRNN(Cell):
    """Independently recurrent cell (Li et al. 2018).

    Each unit has one recurrent weight, for its own state.
    """

    name = "indrnn"
    gates = ("new",)

    def prepare_step(
        self, weight_hh: Tensor, bias_hh: Tensor, make_linear: MakeLinear
    ) -> StepFunction:
        def step(inputs: Tensor, state: State) -> State:
            hidden = state[0]
            recurrent = torch.addcmul(bias_hh, weight_hh, hidden)
            return ((inputs + recurrent).relu().to(hidden.dtype),)

        return step

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of a vector."""
        return (hidden,)

    def init_recurrent_weight(self, weight_hh: Tensor) -> None:
        """Initialise the weights uniformly in [0, 1].

        So units remember for any number of words, and no gradient explodes.
        """
        nn.init.uniform_(weight_hh)


CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        LSTM(),
        GRU(),
        TanhRNN(),
        ReLURNN(),
        MGU(),
        IndRNN(),
    )
}
"""All cells by the name that a config gives them."""


def _draw_chrono_bias(gate: Tensor, longest: int) -> Tensor:
    """Draw the biases of a gate that remembers: log(U[1, longest - 1])."""
    return torch.empty_like(gate).uniform_(1, longest - 1).log()


def states_by_layer(state: State) -> LayerStates:
    """Reorder the state of a stack of layers from part by part to layer by layer.

    state (State): The states of all layers, each part `(layers, batch, hidden)`.
    RETURNS (LayerStates): The same states, each `(batch, hidden)`.
    """
    layers = zip(*(part.unbind() for part in state), strict=True)
    return tuple(part for layer in layers for part in layer)
