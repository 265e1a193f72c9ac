"""Matrix products with weights as 8-bit integers, for prediction on a CPU."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ...torch_private import (
    has_int8_linear,
    has_vnni,
    int8_linear,
    prepack_int8,
)

MIN_WEIGHTS = 2**18
"""Parameters of a matrix from which 8 bits are faster, for one row of data or many."""

MIN_EXPONENT = -126
"""Of the smallest normal number in float32."""

# Without VNNI instructions processors accumulate pairs of products in 16 bits, and data of 8 bits
# would overflow.
LEVELS = 127 if has_vnni() else 63
"""Levels of data on either side of zero."""

ZERO = LEVELS + 1
"""The level that stands for zero."""

MIN_PEAK = 1e-30
"""Data are rounded as if their largest value were at least this, so that none are divided by 0."""


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


def round_matrix(matrix: Tensor) -> tuple[Tensor, Tensor]:
    """Round each row of a matrix to integers times a scale.

    matrix (Tensor): The matrix, `(rows, columns)`.
    RETURNS (tuple[Tensor, Tensor]): The integers, of 7 bits and a sign, `(rows, columns)`: of rows
        that `round_rows` leaves as they are those that it returns; and the scales, `(rows,)`.
    """
    scales = (matrix.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
    integers, powers = round_rows(matrix)
    scales = powers.where((integers * powers[:, None] == matrix).all(dim=1), scales)
    return (matrix / scales[:, None]).round().to(torch.int8), scales


@dataclass(frozen=True)
class DynamicInt8:
    """A matrix as integers, for data that are rounded to integers too, row by row.

    Sums of integers are exact, so that no product depends on the order of summation.

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
        RETURNS (DynamicInt8): The matrix as `round_matrix` rounds it.
        """
        integers, scales = round_matrix(matrix)
        return cls(prepack_int8(integers), scales, torch.zeros(len(scales), dtype=torch.int32))

    def multiply(self, data: Tensor, bias: Tensor | None) -> Tensor:
        """Return approximately what `functional.linear` does.

        Each row of the data has a scale of its own, by its largest value, so that no row depends
        on the others.

        data (Tensor): Rows, `(…, columns)`.
        bias (Tensor | None): The bias, `(rows,)`.
        RETURNS (Tensor): The products, `(…, rows)`.
        """
        peaks = data.abs().amax(dim=-1, keepdim=True).clamp_(min=MIN_PEAK)
        # The conversion cuts off what is behind the point.
        levels = (data * (LEVELS / peaks)).add_(ZERO + 0.5).to(torch.uint8)
        products = int8_linear(levels, 1 / LEVELS, ZERO, self.packed, self.scales, self.zeros)
        if bias is None:
            return products.mul_(peaks)
        # In place: new memory as large as all scores of a search costs more than this sum.
        return torch.addcmul(bias, products, peaks, out=products)


def pays_in_int8(weights: Sequence[Tensor]) -> bool:
    """Whether products with matrices are faster in 8-bit integers.

    weights (Sequence[Tensor]): The matrices, each `(outputs, columns)`, as one.
    RETURNS (bool): Whether they have at least `MIN_WEIGHTS` parameters, on a CPU.
    """
    return sum(map(Tensor.numel, weights)) >= MIN_WEIGHTS and has_int8(weights[0].device)


def has_int8(device: torch.device) -> bool:
    """Whether torch multiplies by 8-bit integers on a device.

    device (torch.device): The device.
    RETURNS (bool): Whether it does.
    """
    return device.type == "cpu" and has_int8_linear()
