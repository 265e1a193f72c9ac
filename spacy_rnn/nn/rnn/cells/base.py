"""A recurrent cell, its weights and its states.

A cell says how many gates it has and what its state consists of, takes a step, and initialises its
weights. A cell that one of torch's kernels computes names the kernel; all others run step by step.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ..settings import RecurrentSettings

State = tuple[Tensor, ...]
"""A tensor for each part of a cell's state, `(directions, batch, hidden)` in a scan and
`(batch, hidden)` in a step."""

LayerStates = tuple[Tensor, ...]
"""The state of a stack of layers, layer by layer and within a layer part by part, each
`(batch, hidden)`."""

StepFunction = Callable[[Tensor, State], State]
"""One step of a cell: from the input's part of the gates, `(batch, gates * hidden)`, and the
state before the step to the state after it. A cell whose state has no hidden state returns the
output in front of the state."""

GivenStep = Callable[[Tensor, Tensor, State], State]
"""One step that is given its recurrent product: from the input's and the hidden state's part of
the gates, both `(batch, gates * hidden)`, and the state before the step to the state after it."""

Kernel = Callable[..., tuple[Tensor, ...]]
"""A kernel of torch for packed sequences."""

MakeLinear = Callable[[Tensor, Tensor | None], Callable[[Tensor], Tensor]]
"""Makes a linear function of rows from a matrix `(outputs, columns)` and a bias `(outputs,)`."""


class Weights(NamedTuple):
    """The weights of one direction of one layer, the first four named and ordered as torch's own.

    weight_ih (Tensor): The input matrix, `(gates * hidden, inputs)`.
    weight_hh (Tensor): The recurrent weight, `(gates * hidden, hidden)` unless the cell says
        otherwise.
    bias_ih (Tensor): The bias of the input matrix, `(gates * hidden,)`.
    bias_hh (Tensor): The bias of the recurrent weight, `(gates * hidden,)`.
    further (tuple[Tensor, ...]): The further weights of the cell, in its own order.
    """

    weight_ih: Tensor
    weight_hh: Tensor
    bias_ih: Tensor
    bias_hh: Tensor
    further: tuple[Tensor, ...] = ()


class Cell(ABC):
    """A recurrent cell. It holds no weights, only what is done with them.

    name (str): The name in a config.
    gates (tuple[str, ...]): The gates and candidates that a step computes from the input, in the
        order in which the rows of the weights have them.
    state_parts (tuple[str, ...]): The parts of the state. "hidden", the first one if there is one,
        is the output.
    has_chrono_init (bool): Whether the cell has gates that chrono initialisation applies to.
    kernel (Kernel | None): Torch's kernel for packed sequences. None: the cell runs step by
        step.
    """

    name: ClassVar[str]
    gates: ClassVar[tuple[str, ...]]
    state_parts: ClassVar[tuple[str, ...]] = ("hidden",)
    has_chrono_init: ClassVar[bool] = False
    kernel: ClassVar[Kernel | None] = None

    def prepare_inputs(
        self, weights: Weights, make_linear: MakeLinear
    ) -> Callable[[Tensor], Tensor]:
        """Prepare what does not depend on the state, for any number of words at once.

        weights (Weights): The weights.
        make_linear (MakeLinear): Makes the product with the input matrix.
        RETURNS (Callable[[Tensor], Tensor]): From words to the input's part of the gates,
            `(words, gates * hidden)`.
        """
        return make_linear(weights.weight_ih, weights.bias_ih)

    @abstractmethod
    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        """Prepare a step with given weights, for any number of steps.

        weights (Weights): The weights.
        make_linear (MakeLinear): Makes the products with matrices of weights: how these are
            computed is up to the caller.
        RETURNS (StepFunction): The step.
        """

    @property
    def carries_output(self) -> bool:
        """bool: Whether the output is a part of the state, the first one."""
        return self.state_parts[0] == "hidden"

    @property
    def has_recurrent_weight(self) -> bool:
        """bool: Whether there are a recurrent weight and its bias."""
        return 0 not in self.recurrent_shape(1)

    def has_kernel(self, hidden: int) -> bool:
        """Whether the kernel computes this cell.

        hidden (int): Units of the hidden state.
        RETURNS (bool): Whether there is a kernel that does.
        """
        return self.kernel is not None

    def configured(self, settings: RecurrentSettings) -> "Cell":
        """Return the cell with the settings of a network.

        settings (RecurrentSettings): The settings.
        RETURNS (Cell): A cell. The same one unless it has settings of its own.
        """
        return self

    def state_widths(self, hidden: int) -> tuple[int, ...]:
        """Return the width of each part of the state: that of the hidden state.

        hidden (int): Units of the hidden state.
        RETURNS (tuple[int, ...]): The widths.
        """
        return (hidden,) * len(self.state_parts)

    def input_rows(self, hidden: int) -> int:
        """Return the number of rows of the input matrix.

        hidden (int): Units of the hidden state.
        RETURNS (int): The number of rows.
        """
        return len(self.gates) * hidden

    def split_gates(self, rows: Tensor, dim: int = 0) -> Sequence[Tensor]:
        """Split what has the rows of the input matrix into the gates.

        rows (Tensor): The matrix, its bias, or products with it.
        dim (int): The dimension of the rows.
        RETURNS (Sequence[Tensor]): The part of each gate.
        """
        return rows.chunk(len(self.gates), dim)

    def recurrent_shape(self, hidden: int) -> tuple[int, ...]:
        """Return the shape of the recurrent weight.

        hidden (int): Units of the hidden state.
        RETURNS (tuple[int, ...]): The shape; `(0,)` for neither a recurrent weight nor its bias.
        """
        return self.input_rows(hidden), hidden

    def further_weights(self, hidden: int) -> dict[str, Tensor]:
        """Make weights beyond the input matrix, the recurrent weight and their biases.

        hidden (int): Units of the hidden state.
        RETURNS (dict[str, Tensor]): The initial value of each by its name: none unless the cell
            says otherwise.
        """
        return {}

    def init_input_weight(self, weight_ih: Tensor) -> None:
        """Initialise the input matrix in place: gate by gate uniformly (Glorot & Bengio 2010).

        weight_ih (Tensor): The matrix, `(gates * hidden, inputs)`.
        """
        for gate in self.split_gates(weight_ih):
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
        forget_bias (float): The bias of the forget gate, if the cell has one.
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
    def step(self, inputs: Tensor, recurrent: Tensor, state: State, *further: Tensor) -> State:
        """Take one step, element by element.

        inputs (Tensor): The input's part of the gates, `(…, batch, gates * hidden)`.
        recurrent (Tensor): The hidden state's part of the gates, of the same shape.
        state (State): The state before the step, each part `(…, batch, hidden)`.
        further (Tensor): The further weights of the cell, vectors.
        RETURNS (State): The state after the step, in the type of the state before it.
        """

    def prepare_given_step(self, weights: Weights, make_linear: MakeLinear) -> GivenStep:
        """Prepare a step that is given its recurrent product.

        weights (Weights): The weights.
        make_linear (MakeLinear): Makes other products with matrices of weights.
        RETURNS (GivenStep): The step.
        """
        return lambda inputs, recurrent, state: self.step(
            inputs, recurrent, state, *weights.further
        )

    def prepare_step(self, weights: Weights, make_linear: MakeLinear) -> StepFunction:
        multiply = make_linear(weights.weight_hh, weights.bias_hh)
        step = self.prepare_given_step(weights, make_linear)
        return lambda inputs, state: step(inputs, multiply(state[0]), state)


def draw_chrono_bias(gate: Tensor, longest: int) -> Tensor:
    """Draw the biases of a gate that remembers: log(U[1, longest - 1]) (Tallec & Ollivier 2018).

    gate (Tensor): The biases.
    longest (int): The longest dependency in words.
    RETURNS (Tensor): New biases of the same shape.
    """
    return torch.empty_like(gate).uniform_(1, longest - 1).log()


def make_forget_bias(gate: Tensor, forget_bias: float, chrono_init: int | None) -> Tensor:
    """Make the initial biases of a gate that remembers.

    gate (Tensor): The biases.
    forget_bias (float): Their value without chrono initialisation.
    chrono_init (int | None): The longest dependency in words, for chrono initialisation.
    RETURNS (Tensor): New biases of the same shape.
    """
    if chrono_init is None:
        return torch.full_like(gate, forget_bias)
    return draw_chrono_bias(gate, chrono_init)


def states_by_layer(state: State) -> LayerStates:
    """Reorder the state of a stack of layers from part by part to layer by layer.

    state (State): The states of all layers, each part `(layers, batch, hidden)`.
    RETURNS (LayerStates): The same states, each `(batch, hidden)`.
    """
    layers = zip(*(part.unbind() for part in state), strict=True)
    return tuple(part for layer in layers for part in layer)
