"""Products with a matrix of weights, in few shapes.

In bfloat16 and in 8-bit integers a CPU multiplies by oneDNN, which compiles a kernel for each
new shape and keeps it: milliseconds, often more than the product itself takes, and megabytes.
But hardly a batch of texts has as many words as one before, and in a search sentences leave one
by one. So rows of zeros are added, up to the next of a few numbers.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ...torch_private import lay_out, multiply_laid_out
from .prepared import join, keeps, kept
from .quantized import quantized_weight
from .switches import switched

_ON: ContextVar[bool] = ContextVar("on", default=False)


@contextmanager
def bfloat16_products() -> Iterator[None]:
    """Where autocast has a CPU compute in bfloat16, let the products of this file alone do so for
    a while, in this thread: what else there is in a step of a search is so little that casts take
    longer."""
    if computed_type(torch.float32) != torch.bfloat16:
        yield
        return
    with switched(_ON, True), torch.autocast("cpu", enabled=False):
        yield


def computed_type(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which a CPU multiplies numbers, autocast considered.

    dtype (torch.dtype): Their own type.
    RETURNS (torch.dtype): That of the products.
    """
    if dtype == torch.float32 and torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return dtype


def compiles_each_shape(data: Tensor) -> bool:
    """Tell whether each new number of rows has its price.

    data (Tensor): What will be multiplied, or what by.
    RETURNS (bool): Whether that will be in bfloat16 on a CPU.
    """
    if data.device.type != "cpu":
        return False
    in_search = _ON.get() and data.dtype == torch.float32
    return in_search or computed_type(data.dtype) == torch.bfloat16


PreparedLinear = Callable[[Tensor], Tensor]


def prepare_linear(
    weights: Sequence[Tensor], biases: Sequence[Tensor] = (), quantize: bool = True
) -> PreparedLinear:
    """Prepare products with a matrix, or with some side by side: all that does not depend on the
    data.

    weights (Sequence[Tensor]): The matrices, each `(outputs, columns)`.
    biases (Sequence[Tensor]): What is added for each, `(outputs,)`; none for nothing.
    quantize (bool): Whether `int8_products` may round them.
    RETURNS (PreparedLinear): Takes rows, `(rows, …, columns)`, and gives `(rows, …, outputs)`,
        of all matrices one after the other: what `functional.linear` does; nearly, if prepared
        within `int8_products` or `bfloat16_products`, but in the type of the data.
    """
    rounded = quantized_weight(weights) if quantize else None
    if rounded is not None:
        bias = join(biases) if biases else None
        return _in_few_shapes(lambda data: rounded.multiply(data, bias))
    if not compiles_each_shape(weights[0]):
        weight = weights[0]
        if len(weights) > 1:
            weight = kept("joined", weights, lambda: join(weights))
        bias = join(biases) if biases else None
        return lambda data: functional.linear(data, weight, bias)
    multiply = _in_bfloat16(weights, biases)
    return _in_few_shapes((lambda data: multiply(data).to(data.dtype)) if _ON.get() else multiply)


def linear(data: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """PreparedLinear by a matrix once.

    data (Tensor): Rows, `(rows, …, columns)`.
    weight (Tensor): The matrix, as of `prepare_linear`.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Tensor): The products, `(rows, …, outputs)`.
    """
    return prepare_linear([weight], [] if bias is None else [bias])(data)


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


def _in_few_shapes(multiply: PreparedLinear) -> PreparedLinear:
    def multiply_more(data: Tensor) -> Tensor:
        rows = data.shape[0]
        products = multiply(_add_rows(data, 0))
        return products if products.shape[0] == rows else products[:rows]

    return multiply_more


def _in_bfloat16(weights: Sequence[Tensor], biases: Sequence[Tensor]) -> PreparedLinear:
    """Prepare products in bfloat16. Where things are kept, matrices are cast once, and laid out
    once as oneDNN reads them: both take longer than a product of few rows."""

    def cast() -> Tensor:
        matrix = join(weights).bfloat16()
        return lay_out(matrix) if keeps() else matrix

    matrix = kept("bfloat16", weights, cast)
    bias = kept("bfloat16", biases, lambda: join(biases).bfloat16()) if biases else None
    return lambda data: multiply_laid_out(data.bfloat16(), matrix, bias)


def _add_rows(data: Tensor, dim: int) -> Tensor:
    rows = data.shape[dim]
    if rows <= 1:
        return data
    # A multiple of 8, and of large numbers the first five bits.
    missing = -rows % (1 << max(3, rows.bit_length() - 5))
    if not missing:
        return data
    return functional.pad(data, (0, 0) * (data.dim() - 1 - dim) + (0, missing))
