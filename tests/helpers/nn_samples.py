"""Random networks, batches and states for the tests of this folder."""

import torch
from plain_networks import RECTIFIED
from torch import Tensor, nn

from spacy_rnn.nn.rnn.cells import CELLS
from spacy_rnn.nn.rnn.cells.base import State
from spacy_rnn.nn.rnn.network import RecurrentNetwork
from spacy_rnn.nn.rnn.settings import RecurrentSettings


def random_network(
    inputs: int = 3,
    width: int = 4,
    depth: int = 1,
    *,
    dtype: torch.dtype = torch.float64,
    **settings,
) -> RecurrentNetwork:
    """Make a network whose every parameter is random: no bias or norm hides at its start."""
    network = RecurrentNetwork(inputs, RecurrentSettings(width, depth, **settings)).to(dtype)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3)
    if network.cell.name in RECTIFIED:  # Else most units are at zero, and prove nothing.
        for own in network.layers:
            own.bias_ih.data.add_(1.0)
    return network.eval()


def fit_settings(cell: str, settings: dict) -> dict:
    """Give settings of a network that fit a cell.

    Zoneout is that of the first part of its state, and without recurrent weights none are dropped.
    """
    settings = {"cell": cell, **settings}
    rate = settings.pop("zoneout_hidden", None)
    if rate and CELLS[cell].state_parts[0] in ("hidden", "cell"):
        settings[f"zoneout_{CELLS[cell].state_parts[0]}"] = rate
    if not CELLS[cell].has_recurrent_weight:
        settings.pop("weight_drop", None)
    return settings


def random_batch(
    lengths: list[int], inputs: int = 3, dtype: torch.dtype = torch.float64
) -> tuple[Tensor, Tensor]:
    """Make words for sequences of these lengths."""
    data = torch.randn(sum(lengths), inputs, dtype=dtype)
    return data, torch.tensor(lengths, dtype=torch.int64)


def random_state(network: RecurrentNetwork, batch: int) -> State:
    """Make a state that fits a network: as many parts as its cell has."""
    rows = network.depth * network.directions
    dtype = network.layers[0].weight_hh.dtype
    return tuple(torch.randn(rows, batch, width, dtype=dtype) for width in network.state_widths)


def loss_of(*tensors: Tensor) -> Tensor:
    """Sum up tensors with random weights, so that each entry has a gradient of its own.

    The weights are the same at each call with tensors of the same shapes.
    """
    generator = torch.Generator().manual_seed(1)
    return sum(
        (tensor * torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)).sum()
        for tensor in tensors
    )
