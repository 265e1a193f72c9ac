"""Recurrent networks as their papers write them: one sequence, one word, one gate at a time.

Slow and plain, with nothing of the package but the weights and the settings of a network:
what its fast ways are compared with.
"""

import torch
from torch import Tensor

State = tuple[Tensor, ...]

RECTIFIED = ("rnn_relu", "indrnn")
"""Cells whose units are often at zero."""

ELEMENTWISE = {"ssru": 2, "sru": 4, "qrnn": 3, "qrnn_2": 6, "min_gru": 2, "min_lstm": 3}
"""Cells without a product with the state, and their gates."""


def normalize(values: Tensor) -> Tensor:
    """Give values a mean of zero and a variance of one."""
    return (values - values.mean()) / torch.sqrt(values.var(unbiased=False) + 1e-5)


def mlstm_step(by_word: Tensor, state: State) -> State:
    """Take one step of an mLSTM, without anything that keeps exponentials small.

    The state stores C and n without their factor exp(m). The output comes before it.
    """
    normalizer, memory, stabilizer = state
    heads, units = len(stabilizer), len(normalizer)
    *by_unit, inputs, forgets = by_word.split([units] * 4 + [heads] * 2)
    width, outputs, parts = units // heads, [], []
    for head, (query, key, value, gate) in enumerate(
        zip(*(rows.split(width) for rows in by_unit), strict=True)
    ):
        factor, forget = stabilizer[head].exp(), torch.sigmoid(forgets[head])
        keys = normalizer[head * width :][:width] * factor
        pairs = memory[head * width**2 :][: width**2].view(width, width) * factor
        key = key / width**0.5
        keys = forget * keys + inputs[head].exp() * key
        pairs = forget * pairs + inputs[head].exp() * torch.outer(value, key)
        weight = torch.clamp((keys @ query).abs(), min=1.0)
        outputs.append(torch.sigmoid(gate) * (pairs @ query) / weight)
        log_factor = torch.maximum(torch.log(forget) + stabilizer[head], inputs[head])
        parts.append((keys / log_factor.exp(), pairs.flatten() / log_factor.exp(), log_factor))
    normalizers, memories, log_factors = zip(*parts, strict=True)
    return (
        torch.cat(outputs),
        torch.cat(normalizers),
        torch.cat(memories),
        torch.stack(log_factors),
    )


def elementwise_step(cell: str, by_word: Tensor, state: State, further) -> State:
    """Take one step of a cell without a product with the state.

    An output that is not a part of the state comes before it.
    """
    parts = by_word.chunk(ELEMENTWISE[cell])
    if cell == "sru":
        forget_weight, reset_weight = further[0].chunk(2)
        forget = torch.sigmoid(parts[0] + forget_weight * state[0])
        reset = torch.sigmoid(parts[1] + reset_weight * state[0])
        memory = forget * state[0] + (1 - forget) * parts[2]
        return reset * memory + (1 - reset) * parts[3], memory
    if cell == "ssru":
        forget = torch.sigmoid(parts[0])
        memory = forget * state[0] + (1 - forget) * parts[1]
        return torch.relu(memory), memory
    if cell == "qrnn_2":
        memory, by_previous = state
        now, following = by_word.chunk(2)
        output, memory = elementwise_step("qrnn", now + by_previous, (memory,), further)
        return output, memory, following
    if cell == "qrnn":
        forget = torch.sigmoid(parts[1])
        memory = forget * state[0] + (1 - forget) * torch.tanh(parts[0])
        return torch.sigmoid(parts[2]) * memory, memory
    if cell == "min_gru":
        update = torch.sigmoid(parts[0])
        return ((1 - update) * state[0] + update * parts[1],)
    input_, forget = torch.sigmoid(parts[0]), torch.sigmoid(parts[1])
    return ((forget * state[0] + input_ * parts[2]) / (forget + input_),)


def step(cell: str, word: Tensor, state: State, weights) -> State:
    """Take one step with one word of one sequence."""
    input_matrix, recurrent_matrix, input_bias, recurrent_bias, *further = weights
    if cell in ELEMENTWISE:
        return elementwise_step(cell, input_matrix @ word + input_bias, state, further)
    if cell == "mlstm":
        return mlstm_step(input_matrix @ word + input_bias, state)
    if cell == "indrnn":
        hidden = recurrent_matrix * state[0]  # A vector.
        return (torch.relu(input_matrix @ word + hidden + input_bias + recurrent_bias),)
    gates = len(input_bias) // len(state[-1])
    by_word = (input_matrix @ word + input_bias).chunk(gates)
    by_hidden = (recurrent_matrix @ state[0] + recurrent_bias).chunk(gates)
    if cell in ("lstm", "lstmp"):
        input_, forget, candidate, output = map(torch.add, by_word, by_hidden)
        memory = torch.sigmoid(forget) * state[1] + torch.sigmoid(input_) * torch.tanh(candidate)
        hidden = torch.sigmoid(output) * torch.tanh(memory)
        return further[0] @ hidden if further else hidden, memory
    if cell == "peephole":
        input_, forget, candidate, output = map(torch.add, by_word, by_hidden)
        peepholes = further[0].chunk(3)
        memory = torch.sigmoid(forget + peepholes[1] * state[1]) * state[1]
        memory = memory + torch.sigmoid(input_ + peepholes[0] * state[1]) * torch.tanh(candidate)
        return torch.sigmoid(output + peepholes[2] * memory) * torch.tanh(memory), memory
    if cell == "cifg":
        input_, candidate, output = (
            word + hidden for word, hidden in zip(by_word, by_hidden, strict=True)
        )
        written = torch.sigmoid(input_)
        memory = (1 - written) * state[1] + written * torch.tanh(candidate)
        return torch.sigmoid(output) * torch.tanh(memory), memory
    if cell == "layer_norm_lstm":
        gates = further[0] * normalize(input_matrix @ word) + input_bias
        gates = gates + further[1] * normalize(recurrent_matrix @ state[0]) + recurrent_bias
        input_, forget, candidate, output = gates.chunk(4)
        memory = torch.sigmoid(forget) * state[1] + torch.sigmoid(input_) * torch.tanh(candidate)
        seen = further[2] * normalize(memory) + further[3]
        return torch.sigmoid(output) * torch.tanh(seen), memory
    if cell == "layer_norm_gru":
        size = len(state[0])
        parts = []
        for product, gain, bias in (
            (input_matrix @ word, further[0], input_bias),
            (recurrent_matrix @ state[0], further[1], recurrent_bias),
        ):
            gates, new = normalize(product[: 2 * size]), normalize(product[2 * size :])
            parts.append(gain * torch.cat([gates, new]) + bias)
        by_word, by_hidden = parts[0].chunk(3), parts[1].chunk(3)
        reset = torch.sigmoid(by_word[0] + by_hidden[0])
        update = torch.sigmoid(by_word[1] + by_hidden[1])
        candidate = torch.tanh(by_word[2] + reset * by_hidden[2])
        return ((1 - update) * candidate + update * state[0],)
    if cell == "gru":
        reset = torch.sigmoid(by_word[0] + by_hidden[0])
        update = torch.sigmoid(by_word[1] + by_hidden[1])
        candidate = torch.tanh(by_word[2] + reset * by_hidden[2])
        return ((1 - update) * candidate + update * state[0],)
    if cell == "mgu":
        forget = torch.sigmoid(by_word[0] + by_hidden[0])
        _, new_matrix = recurrent_matrix.chunk(2)
        _, new_bias = recurrent_bias.chunk(2)
        candidate = torch.tanh(by_word[1] + new_matrix @ (forget * state[0]) + new_bias)
        return ((1 - forget) * state[0] + forget * candidate,)
    squash = {"rnn_tanh": torch.tanh, "rnn_relu": torch.relu}[cell]
    return (squash(by_word[0] + by_hidden[0]),)


def read_sequence(
    network, words: Tensor, state: State, detach_every: int | None = None
) -> tuple[Tensor, State]:
    """Read one sequence without noise, zoneout in its expectation.

    network: The network whose weights and settings are used.
    words: Shape `(words, inputs)`.
    state: Each part `(depth * directions, hidden)`.
    detach_every: Cut the gradient of the state each time after so many words.
    """
    finals = []
    for layer in range(network.depth):
        below, outputs = words, []
        if layer:
            words = network.norms[layer - 1](words)
        for direction in range(network.directions):
            row = layer * network.directions + direction
            own = network.layers[row]
            further = [
                weight
                for name, weight in own.named_parameters()
                if name not in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            ]
            weights = own.weight_ih, own.weight_hh, own.bias_ih, own.bias_hh, *further
            now = tuple(part[row] for part in state)
            own_outputs = []
            for time, word in enumerate(words.flip(0) if direction else words):
                if detach_every and time and time % detach_every == 0:
                    now = tuple(part.detach() for part in now)
                results = step(network.cell.name, word, now, weights)
                own_output = results[: len(results) - len(now)]
                now = tuple(
                    rate * old + (1 - rate) * new
                    for old, new, rate in zip(
                        now, results[len(own_output) :], network.zoneouts, strict=True
                    )
                )
                own_outputs.append((*own_output, *now)[0])
            outputs.append(torch.stack(own_outputs[::-1] if direction else own_outputs))
            finals.append(now)
        words = sum(outputs) if network.merge == "sum" else torch.cat(outputs, 1)
        if network.residual and words.shape == below.shape:
            words = words + below
    return words, tuple(torch.stack(parts) for parts in zip(*finals, strict=True))


def read_batch(
    network, data: Tensor, lengths: Tensor, state: State, detach_every: int | None = None
) -> tuple[Tensor, State]:
    """Read sequences one by one; those without words keep their state."""
    outputs, finals = [], []
    for index, words in enumerate(data.split(lengths.tolist())):
        final = tuple(part[:, index] for part in state)
        if len(words):
            output, final = read_sequence(network, words, final, detach_every)
            outputs.append(output)
        finals.append(final)
    return torch.cat(outputs), tuple(torch.stack(parts, 1) for parts in zip(*finals, strict=True))
