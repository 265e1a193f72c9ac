"""Prepared weights as arrays, for functions that numba compiles, where it is installed."""

from functools import cache
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .quantized import LEVELS, round_matrix


class Matrix(NamedTuple):
    """A matrix and a bias, in the precision that their product is computed in.

    values (np.ndarray): The matrix: float32, `(columns, rows)`; the bits of bfloat16 as uint16,
        `(columns, rows)`; or int8, `(rows, columns)`.
    scales (np.ndarray): The scale of each row of int8, `(rows,)`. Otherwise none.
    bias (np.ndarray): The bias, `(rows,)`.
    levels (int): The levels of data on either side of zero, for int8.
    """

    values: np.ndarray
    scales: np.ndarray
    bias: np.ndarray
    levels: int = LEVELS

    @classmethod
    def in_float32(cls, matrix: Tensor, bias: Tensor) -> "Matrix":
        """Take a matrix as it is.

        matrix (Tensor): The matrix, `(rows, columns)`.
        bias (Tensor): The bias, `(rows,)`.
        RETURNS (Matrix): The same.
        """
        return cls(to_array(matrix.T), NO_SCALES, to_array(bias))

    @classmethod
    def in_bfloat16(cls, matrix: Tensor, bias: Tensor) -> "Matrix":
        """Round a matrix to bfloat16.

        matrix (Tensor): The matrix, `(rows, columns)`.
        bias (Tensor): The bias, `(rows,)`.
        RETURNS (Matrix): The rounded matrix.
        """
        bits = to_array(matrix.T.bfloat16().view(torch.int16)).view(np.uint16)
        return cls(bits, NO_SCALES, to_array(bias.bfloat16().float()))

    @classmethod
    def in_int8(cls, matrix: Tensor, bias: Tensor) -> "Matrix":
        """Round a matrix to integers, as `DynamicInt8` does.

        matrix (Tensor): The matrix, `(rows, columns)`.
        bias (Tensor): The bias, `(rows,)`.
        RETURNS (Matrix): The rounded matrix.
        """
        integers, scales = round_matrix(matrix)
        return cls(to_array(integers), to_array(scales), to_array(bias))


NO_SCALES = np.ones(0, np.float32)


def to_array(tensor: Tensor) -> np.ndarray:
    """Return a tensor as an array that numba has seen the type of: aligned and contiguous.

    tensor (Tensor): The tensor, on the CPU.
    RETURNS (np.ndarray): Its numbers.
    """
    return tensor.detach().contiguous().numpy()


@cache
def has_numba() -> bool:
    """Whether numba compiles functions.

    RETURNS (bool): Whether it is installed, fits the installed NumPy, and is not switched off by
        the environment variable `NUMBA_DISABLE_JIT`.
    """
    try:
        import numba
    except ImportError:
        return False
    return not getattr(numba.config, "DISABLE_JIT")  # noqa: B009 (it is made when imported)
