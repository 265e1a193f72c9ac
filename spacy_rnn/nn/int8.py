"""Matrix products in 8-bit integers, for prediction on a CPU."""

from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .kept import kept
from .switches import switched

FEWEST_WEIGHTS = 2**18
"""Weights of a matrix from which on 8 bits are faster, for one row of data or many."""

# Seven bits for what a matrix is multiplied by: with eight, processors without VNNI
# instructions would overflow the 16 bits that they add pairs of products up in.
LEVELS, ZERO = 63, 64


@dataclass(frozen=True)
class Int8Matrix:
    """A matrix as integers, each row with a scale of its own.

    packed (Tensor): The integers, in oneDNN's order.
    scales (Tensor): What the integers of each row are multiplied by, `(rows,)`.
    zeros (Tensor): Zero for each row: the integers are symmetric.
    """

    packed: Tensor
    scales: Tensor
    zeros: Tensor

    @classmethod
    def from_float(cls, matrix: Tensor) -> "Int8Matrix":
        """Round a matrix.

        matrix (Tensor): The matrix, `(rows, columns)`.
        RETURNS (Int8Matrix): The same to 7 bits and a sign.
        """
        scales = (matrix.abs().amax(dim=1) / 127).clamp(min=torch.finfo(torch.float32).tiny)
        integers = (matrix / scales[:, None]).round().to(torch.int8)
        packed = torch.ops.onednn.qlinear_prepack(integers, None)
        return cls(packed, scales, torch.zeros(len(scales), dtype=torch.int32))

    def multiply(self, data: Tensor, bias: Tensor | None) -> Tensor:
        """Compute what `functional.linear` does with the matrix, nearly.

        Each row of the data is rounded by its own largest value, so that no row depends on
        the others.

        data (Tensor): Rows, `(…, columns)`.
        bias (Tensor | None): What is added, `(rows,)`.
        RETURNS (Tensor): The products, `(…, rows)`.
        """
        peaks = data.abs().amax(dim=-1, keepdim=True).clamp(min=torch.finfo(data.dtype).tiny)
        levels = (data / peaks).mul_(LEVELS).round_().add_(ZERO).to(torch.uint8)
        products = torch.ops.onednn.qlinear_pointwise(
            levels,
            1 / LEVELS,
            ZERO,
            self.packed,
            self.scales,
            self.zeros,
            None,  # bias: it is not to be scaled with the data
            1.0,  # output_scale
            0,  # output_zero_point
            torch.float32,
            "none",  # post_op_name
            [],
            "",
        )
        return products.mul_(peaks) if bias is None else torch.addcmul(bias, products, peaks)


_ON: ContextVar[bool] = ContextVar("on", default=False)


def int8_products() -> AbstractContextManager:
    """Round matrices and multiply by these for a while, in this thread, in all that asks for
    `find_rounded`.

    RETURNS (AbstractContextManager): To be entered.
    """
    return switched(_ON, True)


def find_rounded(weight: Tensor) -> Int8Matrix | None:
    """Give a matrix as integers, where products are to be in integers.

    weight (Tensor): The matrix, `(rows, columns)`.
    RETURNS (Int8Matrix | None): The same rounded. None where it is to be used as it is: outside
        of `int8_products`, or because it is too small for integers to be faster.
    """
    if not _ON.get() or not isinstance(weight, nn.Parameter) or weight.numel() < FEWEST_WEIGHTS:
        return None
    return kept("int8", [weight], lambda: Int8Matrix.from_float(weight))


def has_int8(device: torch.device) -> bool:
    """Tell whether there are such products on a device.

    device (torch.device): The device.
    RETURNS (bool): Whether torch has them there.
    """
    return device.type == "cpu" and hasattr(torch.ops.onednn, "qlinear_pointwise")
