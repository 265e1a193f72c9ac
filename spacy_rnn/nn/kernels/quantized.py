"""Matrix products with weights as 8-bit integers, for prediction on a CPU."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...torch_private import (
    has_int8_linear,
    int8_linear,
    int8_weight_only,
    is_fast_in_bfloat16,
    lay_out,
    multiply_laid_out,
    prepack_int8,
)

MIN_WEIGHTS = 2**18
"""Parameters of a matrix from which 8 bits are faster, for one row of data or many."""

PARTS = 256
"""Data for weight-only products are rounded to this fraction of 1: up to 1 bfloat16 is exact."""

COLUMN_BLOCK = 16
"""Columns that torch's weight-only kernel reads at once; it reads past an incomplete block."""

MIN_EXPONENT = -126
"""Of the smallest normal number in float32."""

# Data as integers have 7 bits. With 8, processors without VNNI instructions would overflow the 16
# bits in which they accumulate pairs of products.
LEVELS, ZERO = 63, 64


def round_rows(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row to integers times a power of 2.

    The power is the smallest with which no integer exceeds 127, so that rounded rows stay as they
    are.

    matrix (Tensor): The matrix, `(rows, columns)`.
    RETURNS (tuple[Tensor, Tensor]): The integers, of 6 or 7 bits and a sign, as floating-point
        numbers, `(rows, columns)`; and the powers, `(rows,)`.
    """
    peaks = matrix.abs().amax(dim=1)
    fractions, exponents = torch.frexp(peaks / 127)
    exponents = (exponents - (fractions == 0.5).int()).clamp(min=MIN_EXPONENT)
    # Integers cannot be infinite or NaN: powers are, of such rows.
    powers = torch.ldexp(torch.ones_like(peaks), exponents) + 0 * peaks
    return (matrix / powers[:, None]).round(), powers


@dataclass(frozen=True)
class WeightOnlyInt8:
    """A matrix as integers, for data in bfloat16, on processors with instructions for bfloat16.

    A single row of data is multiplied by the integers, which are half as much memory to read; more
    rows by the same numbers in bfloat16. Data are rounded to 1 / `PARTS` and scales are powers of
    2. So sums are exact, and the same in any order of summation, if they are below 2 to the power
    of 24 in these units: always with 512 columns of data in [-1, 1], such as the states of a GRU
    or an LSTM.

    integers (Tensor): The integers, `(rows, columns)`.
    scales (Tensor): The scale of each row, for products with rounded data, `(rows,)`.
    matrix (Tensor): The integers times the scales, in bfloat16 and the layout of oneDNN.
    """

    integers: Tensor
    scales: Tensor
    matrix: Tensor

    @classmethod
    def from_float(cls, matrix: Tensor) -> "WeightOnlyInt8":
        """Round a matrix.

        matrix (Tensor): The matrix, `(rows, columns)`.
        RETURNS (WeightOnlyInt8): The matrix with 6 or 7 bits and a sign.
        """
        integers, scales = round_rows(matrix)
        scales = scales / PARTS
        rounded = (integers * scales[:, None]).bfloat16()
        return cls(integers.to(torch.int8), scales.bfloat16(), lay_out(rounded))

    def multiply(self, data: Tensor, bias: Tensor | None) -> Tensor:
        """Return approximately what `functional.linear` does.

        data (Tensor): Rows, `(…, columns)`.
        bias (Tensor | None): The bias, `(rows,)`.
        RETURNS (Tensor): The products, `(…, rows)`.
        """
        parts = (data * PARTS).round_().bfloat16()
        row = None
        if parts.numel() == parts.shape[-1] and parts.numel() % COLUMN_BLOCK == 0:
            row = int8_weight_only(parts.view(1, -1), self.integers, self.scales)
        if row is None:
            products = multiply_laid_out(parts, self.matrix)
        else:
            products = row.view(*data.shape[:-1], -1)
        return products.to(data.dtype) if bias is None else products + bias


@dataclass(frozen=True)
class DynamicInt8:
    """A matrix as integers, for data that are rounded to integers too, row by row.

    packed (Tensor): The integers, in the layout of oneDNN.
    scales (Tensor): The scale of each row, `(rows,)`.
    zeros (Tensor): The zero point of each row: 0, the integers are symmetric.
    """

    packed: Tensor
    scales: Tensor
    zeros: Tensor

    @classmethod
    def from_float(cls, matrix: Tensor) -> "DynamicInt8":
        """Round a matrix.

        matrix (Tensor): The matrix, `(rows, columns)`.
        RETURNS (DynamicInt8): The matrix with 7 bits and a sign; of rows that `round_rows` leaves
            as they are the integers that it returns.
        """
        scales = (matrix.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
        integers, powers = round_rows(matrix)
        scales = powers.where((integers * powers[:, None] == matrix).all(dim=1), scales)
        integers = (matrix / scales[:, None]).round().to(torch.int8)
        return cls(prepack_int8(integers), scales, torch.zeros(len(scales), dtype=torch.int32))

    def multiply(self, data: Tensor, bias: Tensor | None) -> Tensor:
        """Return approximately what `functional.linear` does.

        Each row of the data has a scale of its own, by its largest value, so that no row depends
        on the others.

        data (Tensor): Rows, `(…, columns)`.
        bias (Tensor | None): The bias, `(rows,)`.
        RETURNS (Tensor): The products, `(…, rows)`.
        """
        peaks = data.abs().amax(dim=-1, keepdim=True).clamp(min=torch.finfo(data.dtype).tiny)
        levels = (data / peaks).mul_(LEVELS).round_().add_(ZERO).to(torch.uint8)
        products = int8_linear(levels, 1 / LEVELS, ZERO, self.packed, self.scales, self.zeros)
        return products.mul_(peaks) if bias is None else torch.addcmul(bias, products, peaks)


def pays_in_int8(weights: Sequence[Tensor]) -> bool:
    """Whether products with matrices are faster in 8-bit integers.

    weights (Sequence[Tensor]): The matrices, each `(outputs, columns)`, as one.
    RETURNS (bool): Whether they have at least `MIN_WEIGHTS` parameters, on a CPU.
    """
    return sum(map(Tensor.numel, weights)) >= MIN_WEIGHTS and has_int8(weights[0].device)


def round_to_int8(matrix: Tensor) -> WeightOnlyInt8 | DynamicInt8:
    """Round a matrix to 8-bit integers, the way that is fast on this processor.

    matrix (Tensor): The matrix, `(outputs, columns)`.
    RETURNS (WeightOnlyInt8 | DynamicInt8): The integers.
    """
    return (WeightOnlyInt8 if is_fast_in_bfloat16() else DynamicInt8).from_float(matrix)


def has_int8(device: torch.device) -> bool:
    """Whether torch multiplies by 8-bit integers on a device.

    device (torch.device): The device.
    RETURNS (bool): Whether it does.
    """
    return device.type == "cpu" and has_int8_linear()
