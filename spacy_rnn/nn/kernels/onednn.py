"""What torch hands to oneDNN on a CPU."""

import torch
from torch import Tensor


def computed_type(dtype: torch.dtype) -> torch.dtype:
    """Tell in which type a CPU multiplies numbers, autocast considered.

    dtype (torch.dtype): Their own type.
    RETURNS (torch.dtype): That of the products.
    """
    if dtype == torch.float32 and torch.is_autocast_enabled("cpu"):
        return torch.get_autocast_dtype("cpu")
    return dtype


def onednn_has(dtype: torch.dtype) -> bool:
    """Tell whether oneDNN computes in a type here.

    dtype (torch.dtype): The type.
    RETURNS (bool): Whether it is there, in use, and has this type on this processor.
    """
    onednn = torch.backends.mkldnn
    if not (onednn.is_available() and onednn.enabled):
        return False
    if dtype == torch.bfloat16:
        return torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return dtype == torch.float32


def is_fast_in_bfloat16() -> bool:
    """Tell whether this processor multiplies in bfloat16 by itself, and oneDNN makes use of it.

    RETURNS (bool): Whether it does. oneDNN also emulates it, slowly.
    """
    return has_bfloat16_instructions() and onednn_has(torch.bfloat16)


def has_bfloat16_instructions() -> bool:
    """Tell whether this processor multiplies in bfloat16 by itself.

    RETURNS (bool): Whether it does, as far as torch can tell.
    """
    capabilities = getattr(torch.cpu, "get_capabilities", dict[str, bool])()
    return any(value for name, value in capabilities.items() if "bf16" in name)


def lay_out(matrix: Tensor) -> Tensor:
    """Lay a matrix out as oneDNN reads it, which it would do for each product.

    matrix (Tensor): The matrix, `(outputs, columns)`, of a type that oneDNN has.
    RETURNS (Tensor): The same for `multiply_laid_out` alone.
    """
    return torch.ops.mkldnn._reorder_linear_weight(matrix.contiguous(), None)


def multiply_laid_out(data: Tensor, matrix: Tensor, bias: Tensor | None = None) -> Tensor:
    """Compute what `functional.linear` does with a matrix that was laid out.

    data (Tensor): Rows, `(…, columns)`.
    matrix (Tensor): What `lay_out` returned.
    bias (Tensor | None): What is added, `(outputs,)`.
    RETURNS (Tensor): The products, `(…, outputs)`.
    """
    return torch.ops.mkldnn._linear_pointwise.default(data, matrix, bias, "none", [], "")
