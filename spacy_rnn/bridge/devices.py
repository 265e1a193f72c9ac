"""What devices and processes can do."""

import logging
import os

import torch

from ..torch_private import has_bfloat16_instructions

logger = logging.getLogger("spacy")


def has_bfloat16(device: torch.device) -> bool:
    """Tell whether a device computes in bfloat16 by itself.

    device (torch.device): The device.
    RETURNS (bool): Whether mixed precision makes sense there.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bfloat16_instructions()


def _use_one_thread() -> None:
    """Keep a forked process from waiting for ever for threads that stayed in its parent."""
    torch.set_num_threads(1)
    logger.info("Forked process %d: torch runs on one thread here", os.getpid())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_use_one_thread)
