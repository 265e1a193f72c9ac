"""Products with a matrix of weights, in few shapes.

In bfloat16 and in 8-bit integers a CPU multiplies by oneDNN, which compiles a kernel for each
new shape and keeps it: milliseconds, often more than the product itself takes, and megabytes.
But hardly a batch of texts has as many words as one before, and in a search sentences leave one
by one. So rows of zeros are added, up to the next of a few numbers.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .int8 import find_rounded
from .kept import keeps, kept
from .onednn import computed_type, onednn_has
from .switches import switched

_ON: ContextVar[bool] = ContextVar("on", default=False)


@contextmanager
def bfloat16_products() -> Iterator[None]:
    """Where autocast has a CPU compute in bfloat16, let `linear` alone do so for a while, in this
    thread: what else there is in a step of a search is so little that casts take longer."""
    if computed_type(torch.float32) != torch.bfloat16:
        yield
        return
    with switched(_ON, True), torch.autocast("cpu", enabled=False):
        yield


def compiles_each_shape(data: Tensor) -> bool:
    """Tell whether each new number of rows has its price.

    data (Tensor): What will be multiplied, or what by.
    RETURNS (bool): Whether that will be in bfloat16 on a CPU.
    """
    if data.device.type != "cpu":
        return False
    in_search = _ON.get() and data.dtype == torch.float32
    return in_search or computed_type(data.dtype) == torch.bfloat16


Multiply = Callable[[Tensor], Tensor]


def multiplier(weight: Tensor, bias: Tensor | None = None) -> Multiply:
    """Prepare products with a matrix: all that does not depend on the data.

    weight (Tensor): The matrix, `(outputs, columns)`.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Multiply): Takes rows, `(rows, …, columns)`, and gives `(rows, …, outputs)`: what
        `functional.linear` does; nearly, if prepared within `int8_products` or
        `bfloat16_products`, but in the type of the data.
    """
    rounded = find_rounded(weight)
    if rounded is not None:
        return _in_few_shapes(lambda data: rounded.multiply(data, bias))
    if not compiles_each_shape(weight):
        return lambda data: functional.linear(data, weight, bias)
    multiply = _in_bfloat16(weight, bias)
    return _in_few_shapes((lambda data: multiply(data).to(data.dtype)) if _ON.get() else multiply)


def linear(data: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Multiply by a matrix once.

    data (Tensor): Rows, `(rows, …, columns)`.
    weight (Tensor): The matrix, as of `multiplier`.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Tensor): The products, `(rows, …, outputs)`.
    """
    return multiplier(weight, bias)(data)


class Linear(nn.Linear):
    """A linear layer that multiplies by `linear`."""

    def forward(self, input: Tensor) -> Tensor:
        return linear(input, self.weight, self.bias)


def pad_rows(data: Tensor, dim: int = 0) -> Tensor:
    """Add rows of zeros where each number of rows has its price.

    data (Tensor): Rows, `(…, rows, …, features)`.
    dim (int): The dimension of the rows.
    RETURNS (Tensor): The same and perhaps some more.
    """
    return _add_rows(data, dim) if compiles_each_shape(data) else data


def _in_few_shapes(multiply: Multiply) -> Multiply:
    def multiply_more(data: Tensor) -> Tensor:
        rows = data.shape[0]
        products = multiply(_add_rows(data, 0))
        return products if products.shape[0] == rows else products[:rows]

    return multiply_more


def _in_bfloat16(weight: Tensor, bias: Tensor | None) -> Multiply:
    """Prepare products in bfloat16. Where things are kept, the matrix is cast once, and laid out
    once as oneDNN reads it: both take longer than a product of few rows."""
    added = None if bias is None else kept("bfloat16", [bias], bias.bfloat16)
    if not keeps():
        matrix = weight.bfloat16()
    else:
        matrix = kept("bfloat16", [weight], lambda: _lay_out(weight.bfloat16()))
    if not matrix.is_mkldnn:
        return lambda data: functional.linear(data.bfloat16(), matrix, added)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda data: multiply(data.bfloat16(), matrix, added, "none", [], "")


def _lay_out(matrix: Tensor) -> Tensor:
    if not onednn_has(torch.bfloat16):
        return matrix
    return torch.ops.mkldnn._reorder_linear_weight(matrix.contiguous(), None)


def _add_rows(data: Tensor, dim: int) -> Tensor:
    rows = data.shape[dim]
    # A multiple of 8, and of large numbers the first five bits.
    missing = -rows % (1 << max(3, rows.bit_length() - 5))
    if not missing or rows == 1:
        return data
    return functional.pad(data, (0, 0) * (data.dim() - 1 - dim) + (0, missing))
