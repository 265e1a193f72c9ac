"""What torch hands to oneDNN on a CPU."""

import torch


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
