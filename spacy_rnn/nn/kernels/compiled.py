"""A single sentence in compiled loops: the scan of a GRU, and the whole greedy search of an SSRU.

Numba compiles a function when it is first called with arguments of its types. It keeps the code in
a folder beside this file, or else in the user's folder of caches. Where it can write to neither,
each process compiles anew. All are in this one file: numba compiles a function anew when its own
file has changed, but not when the file of a function that it calls has.

The loops compute what torch does, in its order where the order matters: in bfloat16 sums are of
one product after the other, as oneDNN adds them, and rounded once; of integers they are exact.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import overload

from .arrays import Matrix
from .quantized import MIN_PEAK

# Numbers are multiplied and added at once, as oneDNN does; divided by zero, as NumPy does.
OPTIONS: Any = {"fastmath": {"contract"}, "error_model": "numpy"}

ANY_ORDER: dict[str, Any] = {"fastmath": {"contract", "reassoc"}}
"""For a sum that torch computes in an order of its own."""


def _compiled(function: Callable, **options: Any) -> Any:
    options = {"nogil": True, **OPTIONS, **options}
    try:
        return njit(cache=True, **options)(function)
    except RuntimeError:  # There is no folder to write to.
        return njit(**options)(function)


@_compiled
def scan_gru(
    inputs: np.ndarray,
    recurrent: Matrix,
    state: np.ndarray,
    outputs: np.ndarray,
    backwards: bool,
) -> None:
    """Take all steps of a GRU (Cho et al. 2014), the reset gate applied after the product.

    inputs (np.ndarray): The input's part of the gates at each word, `(words, 3 * hidden)`.
    recurrent (Matrix): The recurrent matrix, in bfloat16 or float32.
    state (np.ndarray): The initial state, `(hidden,)`, which becomes the final one.
    outputs (np.ndarray): The hidden state at each word, `(words, hidden)`, which is written.
    backwards (bool): Whether to read from the end.
    """
    words, hidden, bias, values = len(inputs), len(state), recurrent.bias, recurrent.values
    sums = np.empty(3 * hidden, np.float32)
    for step in range(words):
        word = words - 1 - step if backwards else step
        _add_up(values, state, sums)
        gates = inputs[word]
        for unit in range(hidden):
            resets, updates, news = unit, hidden + unit, 2 * hidden + unit
            reset = _rounded(values, _rounded(values, gates[resets] + bias[resets]) + sums[resets])
            reset = _rounded(values, _sigmoid(reset))
            update = _rounded(values, gates[updates] + bias[updates])
            update = _rounded(values, _sigmoid(_rounded(values, update + sums[updates])))
            new = _rounded(values, bias[news] + sums[news])
            new = _rounded(values, np.tanh(_rounded(values, gates[news] + reset * new)))
            state[unit] = _rounded(values, _mix(new, state[unit], update))
        outputs[word] = state


@_compiled
def search_ssru(
    gates: np.ndarray,
    state: np.ndarray,
    query: Matrix | None,
    scale: float,
    keys: np.ndarray,
    context: np.ndarray,
    readout: Matrix,
    words: np.ndarray | None,
    predict: Matrix,
    mask: np.ndarray,
    start: int,
    end: int,
    min_length: int,
    max_length: int,
    keep_scores: bool,
    keep_weights: bool,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Search greedily with a decoder of one layer, an SSRU, and attention by dot products.

    gates (np.ndarray): The input's part of the gates for each piece, `(pieces, 2 * hidden)`.
    state (np.ndarray): The initial state, `(hidden,)`, which is overwritten.
    query (Matrix | None): From the hidden state to the query of the attention. None: the hidden
        state itself.
    scale (float): A factor of the query.
    keys (np.ndarray): The keys of the attention, `(positions, queries)`.
    context (np.ndarray): The projected values of the attention, `(positions, readout_width)`.
    readout (Matrix): From the hidden state to its part of the readout.
    words (np.ndarray | None): The part of each piece in the readout, `(pieces, readout_width)`.
    predict (Matrix): From the readout to a score for each piece.
    mask (np.ndarray): Minus infinity for pieces that must not be generated, 0 for others.
    start (int): The start symbol.
    end (int): The end symbol.
    min_length (int): The minimum number of pieces.
    max_length (int): The maximum number of pieces, the end symbol not included.
    keep_scores (bool): Whether log-probabilities are asked for.
    keep_weights (bool): Whether attention weights are.
    RETURNS (tuple[np.ndarray, np.ndarray, np.ndarray]): The pieces with the end symbol,
        `(steps,)`; their log-probabilities, or if these are not asked for, their scores,
        `(steps,)`; and the attention weights at each step, `(steps, positions)`, or if these are
        not asked for, those at the last one, `(1, positions)`. After a score that is NaN there are
        no more steps.
    """
    hidden, positions, width = len(state), len(keys), context.shape[1]
    generated = np.empty(max_length + 1, np.int64)
    found = np.empty(max_length + 1, np.float32)
    weights = np.empty((max_length + 1 if keep_weights else 1, positions), np.float32)
    scores = np.empty(len(mask), np.float32)
    output, asked = np.empty(hidden, np.float32), np.empty(keys.shape[1], np.float32)
    read, mixed = np.empty(width, np.float32), np.empty(width, np.float32)
    piece, steps = start, 0
    while True:
        for unit in range(hidden):
            forget = _sigmoid(gates[piece, unit])
            state[unit] = _mix(gates[piece, hidden + unit], state[unit], forget)
            output[unit] = np.float32(0) if state[unit] < 0 else state[unit]
        if query is None:
            asked[:] = output
        else:
            _multiply(query, output, asked)
            asked *= np.float32(scale)
        attended = weights[steps if keep_weights else 0]
        _attend(asked, keys, attended)
        _multiply(readout, output, read)
        mixed[:] = 0
        for position in range(positions):
            for feature in range(width):
                mixed[feature] += attended[position] * context[position, feature]
        for feature in range(width):
            total = read[feature] + mixed[feature]
            if words is not None:
                total += words[piece, feature]
            read[feature] = np.tanh(total)
        _multiply(predict, read, scores)
        piece = end
        if steps < max_length:
            piece = _best(scores, mask, end if steps < min_length else -1)
        generated[steps] = piece
        found[steps] = _log_prob(scores, piece) if keep_scores else scores[piece]
        steps += 1
        if piece == end or np.isnan(found[steps - 1]):
            return generated[:steps], found[:steps], weights[:steps]


@_compiled
def _log_prob(scores: np.ndarray, piece: int) -> Any:
    """Return an entry of the logarithm of a softmax."""
    highest, total = np.float32(-np.inf), np.float32(0)
    for score in scores:
        highest = max(highest, score)
    for score in scores:
        total += np.exp(score - highest)
    return scores[piece] - highest - np.log(total)


@_compiled
def _best(scores: np.ndarray, mask: np.ndarray, banned: int) -> int:
    """Return the first piece with the highest score, or the first whose score is NaN."""
    best, highest = 0, np.float32(-np.inf)
    for piece in range(len(scores)):
        score = scores[piece] + mask[piece]
        if not score <= highest and piece != banned:
            if np.isnan(score):
                return piece
            best, highest = piece, score
    return best


@_compiled
def _attend(query: np.ndarray, keys: np.ndarray, weights: np.ndarray) -> None:
    """Compute attention weights: a softmax of dot products."""
    highest, total = np.float32(-np.inf), np.float32(0)
    for position in range(len(keys)):
        weights[position] = _dot(keys[position], query)
        highest = max(highest, weights[position])
    for position in range(len(keys)):
        weights[position] = np.exp(weights[position] - highest)
        total += weights[position]
    weights /= total


@partial(_compiled, **ANY_ORDER)
def _dot(left: np.ndarray, right: np.ndarray) -> Any:
    total = np.float32(0)
    for feature in range(len(left)):
        total += left[feature] * right[feature]
    return total


@_compiled
def _sigmoid(number: Any) -> Any:
    return np.float32(1) / (np.float32(1) + np.exp(-number))


@_compiled
def _mix(new: Any, old: Any, share: Any) -> Any:
    """Return what `torch.lerp` does."""
    if share < np.float32(0.5):
        return new + share * (old - new)
    return old - (old - new) * (np.float32(1) - share)


@_compiled
def _to_bfloat16(number: Any) -> Any:
    """Round a number to bfloat16, to nearest and half to even."""
    bits = np.float32(number).view(np.uint32)
    even = np.uint32(np.uint32(bits >> np.uint32(16)) & np.uint32(1))
    bits = np.uint32(np.uint32(bits + np.uint32(0x7FFF)) + even)
    rounded = np.uint32(bits & np.uint32(0xFFFF0000)).view(np.float32)
    return np.float32(number) if np.isnan(number) else rounded


@_compiled
def _multiply_floats(matrix: Matrix, data: np.ndarray, out: np.ndarray) -> None:
    rounded = np.empty_like(data)
    for column in range(len(data)):
        rounded[column] = _rounded(matrix.values, data[column])
    _add_up(matrix.values, rounded, out)
    for row in range(len(out)):
        out[row] = _rounded(matrix.values, out[row] + matrix.bias[row])


@_compiled
def _multiply_int8(matrix: Matrix, data: np.ndarray, out: np.ndarray) -> None:
    values, levels = matrix.values, np.float32(matrix.levels)
    zero = matrix.levels + 1  # The level that stands for zero.
    peak, nothing = np.float32(MIN_PEAK), np.float32(0)
    for number in data:
        peak = max(peak, abs(number))
        nothing += np.float32(0) * number  # NaN if any number is.
    rounded = np.empty(len(data), np.int16)
    for column in range(len(data)):
        level = data[column] * (levels / peak) + (np.float32(zero) + np.float32(0.5))
        rounded[column] = np.int16(np.int16(level) - np.int16(zero))
    unit = np.float32(1 / matrix.levels)
    for row in range(len(out)):
        total = np.int32(0)
        for column in range(len(data)):
            product = np.int32(np.int32(rounded[column]) * np.int32(values[row, column]))
            total = np.int32(total + product)
        product = np.float32(total) * unit * matrix.scales[row]
        out[row] = product * (peak + nothing) + matrix.bias[row]


@_compiled
def _add_up(values: np.ndarray, data: np.ndarray, sums: np.ndarray) -> None:
    """Multiply a matrix by one row, without a bias or any rounding of the sums."""
    columns, rows = values.shape
    sums[:] = 0
    whole = columns // 4 * 4
    for c in range(0, whole, 4):  # Four columns at once: sums are read and written less often.
        for r in range(rows):  # Of each pair in bfloat16 processors add the second product first.
            total = sums[r] + data[c + 1] * _value(values[c + 1, r])
            total += data[c] * _value(values[c, r])
            total += data[c + 3] * _value(values[c + 3, r])
            sums[r] = total + data[c + 2] * _value(values[c + 2, r])
    for c in range(whole, columns):
        for r in range(rows):
            sums[r] += data[c] * _value(values[c, r])


def _multiply(matrix: Matrix, data: np.ndarray, out: np.ndarray) -> None:
    """Compute what the prepared product of a matrix does, for one row."""


def _rounded(values: np.ndarray, number: Any) -> Any:
    """Round a number to the type that a matrix is computed in."""


def _value(number: Any) -> Any:
    """Return the number that is meant by one of a matrix."""


@overload(_multiply, jit_options=OPTIONS, strict=False)
def _choose_multiply(matrix: Any, data: Any, out: Any) -> Callable:
    if matrix.types[0].dtype == types.int8:
        return lambda matrix, data, out: _multiply_int8(matrix, data, out)
    return lambda matrix, data, out: _multiply_floats(matrix, data, out)


@overload(_rounded, jit_options=OPTIONS, strict=False)
def _choose_rounded(values: Any, number: Any) -> Callable:
    if values.dtype == types.uint16:
        return lambda values, number: _to_bfloat16(number)
    return lambda values, number: number


@overload(_value, jit_options=OPTIONS, strict=False)
def _choose_value(number: Any) -> Callable:
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    return lambda number: number
