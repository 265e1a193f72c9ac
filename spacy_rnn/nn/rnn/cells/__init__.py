"""Recurrent cells: a file each, and `CELLS`, the table of them by name."""

from .base import Cell
from .cifg import CIFG
from .gru import GRU
from .indrnn import IndRNN
from .layer_norm import LayerNormGRU, LayerNormLSTM
from .linear import SSRU
from .lstm import LSTM
from .lstmp import LSTMP
from .mgu import MGU
from .peephole import PeepholeLSTM
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
        PeepholeLSTM(),
        CIFG(),
        LayerNormLSTM(),
        LayerNormGRU(),
        LSTMP(),
        SSRU(),
    )
}
"""All cells by the name that a config gives them."""
