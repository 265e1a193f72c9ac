"""Scans: the ways to run one recurrent layer over a batch, a class each.

`SCANS` lists them, fastest first; `choose_scan` takes the first one that fits. Torch's kernel for
packed sequences runs on any device. On a CPU oneDNN's LSTM is about twice as fast, but torch runs
it on padded tiles only; and in training a GRU with a backward pass of its own is faster. What no
kernel computes runs step by step. All scans agree in outputs, final states and gradients: padding
has no effect on any of them.
"""

from torch import Tensor

from .base import Scan, ScanRequest
from .elementwise import ElementwiseScan
from .gru import CompiledGRUScan, GRUScan
from .kernel import KernelScan
from .lstm import BinPackedLSTMScan, PaddedLSTMScan
from .stepped import SteppedScan

SCANS: tuple[type[Scan], ...] = (
    BinPackedLSTMScan,
    PaddedLSTMScan,
    CompiledGRUScan,
    GRUScan,
    ElementwiseScan,
    KernelScan,
    SteppedScan,
)
"""All scans, fastest first."""


def choose_scan(request: ScanRequest, lengths: Tensor) -> Scan:
    """Lay a batch out for the fastest scan that fits.

    request (ScanRequest): What is asked for.
    lengths (Tensor): Words of each sequence, shape `(batch,)`, on the CPU; at least one of them
        is not zero.
    RETURNS (Scan): The scan, for all layers of this batch.
    """
    fastest = next(scan for scan in SCANS if scan.fits(request))
    return fastest(request, lengths)
