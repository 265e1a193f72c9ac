"""What devices and processes can do."""

import logging
import os
from functools import cache

import torch

from ..torch_private import is_fast_in_bfloat16

logger = logging.getLogger("spacy")

_IMPORTED_IN = os.getpid()


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16.

    Of a CPU oneDNN has to use them too: where it is off, or held to an older processor's
    instructions by ONEDNN_MAX_CPU_ISA, torch's LSTM fails in bfloat16.

    device (torch.device): The device.
    RETURNS (bool): Whether mixed precision makes sense there.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and is_fast_in_bfloat16()


@cache
def protect_forks() -> None:
    """Keep processes from waiting forever for threads of torch that stayed in their parent.

    From the first network on, a process that is forked runs torch on one thread: what it inherits
    may be gone already when it loads a network of its own. So does a forked process whose parent
    had none.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)
    if os.getpid() != _IMPORTED_IN:
        _use_one_thread()


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    logger.info("Forked process %d: torch runs on one thread here", os.getpid())
