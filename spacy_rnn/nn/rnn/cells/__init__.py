"""Recurrent cells: a file each, and `CELLS`, the table of them by name."""

from .base import Cell
from .gru import GRU
from .indrnn import IndRNN
from .lstm import LSTM
from .mgu import MGU
from .rnn import ReLURNN, TanhRNN

CELLS: dict[str, Cell] = {
    cell.name: cell
    for cell in (
        LSTM(),
        GRU(),
        TanhRNN(),
        ReLURNN(),
        MGU(),
        IndRNN(),
    )
}
"""All cells by the name that a config gives them."""
