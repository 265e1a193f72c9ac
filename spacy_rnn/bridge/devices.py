"""What devices and processes can do."""

import logging
import multiprocessing
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
def limit_worker_threads() -> None:
    """Run torch on one thread in worker processes, from the first network on.

    A forked process would wait forever for threads of torch that stayed in its parent: it is
    limited also where its parent has no network (any more), for it may load one of its own.
    Processes that multiprocessing starts another way would run as many threads each as the
    machine has cores. `torch.set_num_threads` after that sets another number.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=_use_one_thread)
    if os.getpid() != _IMPORTED_IN or multiprocessing.parent_process() is not None:
        _use_one_thread()


def _use_one_thread() -> None:
    torch.set_num_threads(1)
    logger.info("Worker process %d: torch runs on one thread here", os.getpid())
