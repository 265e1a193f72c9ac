"""What devices and processes can do."""

import logging
import os
from functools import cache
from weakref import WeakSet

import torch

from ..torch_private import has_bfloat16_instructions

logger = logging.getLogger("spacy")

_OWNERS: WeakSet[object] = WeakSet()


def has_bfloat16(device: torch.device) -> bool:
    """Whether a device has instructions for bfloat16.

    device (torch.device): The device.
    RETURNS (bool): Whether mixed precision makes sense there.
    """
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return device.type == "cpu" and has_bfloat16_instructions()


def protect_forks(owner: object) -> None:
    """Keep processes from waiting forever for threads of torch that stayed in their parent.

    While an object lives, a process that is forked runs torch on one thread.

    owner (object): The owner of a network.
    """
    _OWNERS.add(owner)
    _watch_forks()


@cache
def _watch_forks() -> None:
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)


def _use_one_thread() -> None:
    if _OWNERS:
        torch.set_num_threads(1)
        logger.info("Forked process %d: torch runs on one thread here", os.getpid())
