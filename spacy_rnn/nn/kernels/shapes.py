"""Matrix products in few shapes.

In bfloat16 and in 8-bit integers a CPU multiplies by oneDNN, which compiles a kernel for each new
shape and caches it: milliseconds, often more than the product itself takes, and megabytes. But
hardly any two batches of texts have the same number of words, and in a search sentences leave one
by one. So rows of zeros are added, up to the next of a few numbers.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

LinearFunction = Callable[[Tensor], Tensor]
"""A linear function of rows: from `(rows, …, columns)` to `(rows, …, outputs)`."""


def computed_type(dtype: torch.dtype) -> torch.dtype:
    """Return the type in which a CPU multiplies numbers, torch's autocast considered.

    dtype (torch.dtype): The type of the numbers.
    RETURNS (torch.dtype): The type of the products.
    """
    if dtype == torch.float32 and torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return dtype


def compiles_each_shape(data: Tensor) -> bool:
    """Whether a product with each new number of rows costs a kernel.

    data (Tensor): A factor of the product.
    RETURNS (bool): Whether the product is in bfloat16 on a CPU.
    """
    return data.device.type == "cpu" and computed_type(data.dtype) == torch.bfloat16


def pad_rows(data: Tensor, dim: int = 0) -> Tensor:
    """Add rows of zeros where each number of rows costs a kernel.

    data (Tensor): Rows, `(…, rows, …, features)`.
    dim (int): The dimension of the rows.
    RETURNS (Tensor): The same rows, and up to 7 or 6 % more.
    """
    return _add_rows(data, dim) if compiles_each_shape(data) else data


def in_few_shapes(multiply: LinearFunction) -> LinearFunction:
    """Call a linear function with few numbers of rows.

    multiply (LinearFunction): The function.
    RETURNS (LinearFunction): The same function for any number of rows.
    """

    def multiply_padded(data: Tensor) -> Tensor:
        rows = data.shape[0]
        products = multiply(_add_rows(data, 0))
        return products if products.shape[0] == rows else products[:rows]

    return multiply_padded


def round_up(rows: int) -> int:
    """Round a number of rows up to one of few.

    rows (int): The number of rows.
    RETURNS (int): Up to 7 or 6 % more. One row stays one.
    """
    # A multiple of 8, and of large numbers the first five bits.
    return rows if rows <= 1 else rows + -rows % (1 << max(3, rows.bit_length() - 5))


def _add_rows(data: Tensor, dim: int) -> Tensor:
    missing = round_up(data.shape[dim]) - data.shape[dim]
    if not missing:
        return data
    return functional.pad(data, (0, 0) * (data.dim() - 1 - dim) + (0, missing))
