"""The cells of recurrent networks: one step of each, from states to states of the same type."""

from collections.abc import Callable

import torch
from torch import Tensor

State = tuple[Tensor, ...]
"""The hidden state and, for an LSTM, the cell state, each `(directions, batch, hidden)`."""

LayerStates = tuple[Tensor, ...]
"""Layer by layer the hidden state and, for an LSTM, the cell state, each `(batch, hidden)`."""

Weights = tuple[Tensor, Tensor, Tensor, Tensor]
"""Input matrix `(gates * hidden, inputs)`, recurrent matrix `(gates * hidden, hidden)`,
and a bias for each, `(gates * hidden,)`, with the gates in torch's order."""

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}


def step_lstm(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """Take one step of an LSTM (Hochreiter & Schmidhuber 1997; Gers et al. 2000).

    inputs (Tensor): The input's part of the gates, shape `(batch, 4 * hidden)`.
    recurrent (Tensor): The hidden state's part of the gates, of the same shape.
    state (State): Hidden and cell state before the step, each `(batch, hidden)`.
    RETURNS (State): Hidden and cell state after the step.
    """
    enter, forget, candidate, leave = (inputs + recurrent).chunk(4, dim=1)
    cell_state = forget.sigmoid() * state[1] + enter.sigmoid() * candidate.tanh()
    return leave.sigmoid() * cell_state.tanh(), cell_state


def step_gru(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """Take one step of a GRU (Cho et al. 2014), the reset gate after the matrix product.

    inputs (Tensor): The input's part of the gates, shape `(batch, 3 * hidden)`.
    recurrent (Tensor): The hidden state's part of the gates, of the same shape.
    state (State): The hidden state before the step, shape `(batch, hidden)`.
    RETURNS (State): The hidden state after the step.
    """
    hidden = state[0].shape[1]
    sizes = (2 * hidden, hidden)
    inputs, candidate = inputs.split_with_sizes(sizes, dim=1)
    recurrent, recurrent_candidate = recurrent.split_with_sizes(sizes, dim=1)
    reset, update = (inputs + recurrent).sigmoid().chunk(2, dim=1)
    candidate = torch.addcmul(candidate, reset, recurrent_candidate).tanh()
    # Not rounded to the gates' type at each step, where autocast computes these in bfloat16.
    return (torch.lerp(candidate.to(state[0].dtype), state[0], update.to(state[0].dtype)),)


def step_rnn_tanh(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """Take one step of a plain recurrent network (Elman 1990).

    inputs (Tensor): The input's part, shape `(batch, hidden)`.
    recurrent (Tensor): The hidden state's part, of the same shape.
    state (State): The hidden state before the step, whose type alone is read.
    RETURNS (State): The hidden state after the step.
    """
    return ((inputs + recurrent).tanh().to(state[0].dtype),)


def step_rnn_relu(inputs: Tensor, recurrent: Tensor, state: State) -> State:
    """Take one step of a plain recurrent network with rectified units (Le et al. 2015).

    inputs (Tensor): The input's part, shape `(batch, hidden)`.
    recurrent (Tensor): The hidden state's part, of the same shape.
    state (State): The hidden state before the step, whose type alone is read.
    RETURNS (State): The hidden state after the step.
    """
    return ((inputs + recurrent).relu().to(state[0].dtype),)


STEPS: dict[str, Callable[[Tensor, Tensor, State], State]] = {
    "lstm": step_lstm,
    "gru": step_gru,
    "rnn_tanh": step_rnn_tanh,
    "rnn_relu": step_rnn_relu,
}


def by_layer(state: State) -> LayerStates:
    """Take a state apart.

    state (State): The states of all layers, each part `(layers, batch, hidden)`.
    RETURNS (LayerStates): The same layer by layer.
    """
    layers = zip(*(part.unbind() for part in state), strict=True)
    return tuple(part for layer in layers for part in layer)


def by_part(states: LayerStates, parts: int) -> State:
    """Put a state together.

    states (LayerStates): The states of all layers.
    parts (int): The parts of each.
    RETURNS (State): The same part by part, each `(layers, batch, hidden)`.
    """
    return tuple(torch.stack(states[part::parts]) for part in range(parts))
