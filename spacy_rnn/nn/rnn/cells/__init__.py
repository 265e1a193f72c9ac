"""Recurrent cells: a file each, and `CELLS`, the table of them by name."""

from .base import Cell
from .cifg import CIFG
from .gru import GRU
from .indrnn import IndRNN
from .layer_norm import LayerNormGRU, LayerNormLSTM
from .lstm import LSTM
from .lstmp import LSTMP
from .mgu import MGU
from .min_gru import MinGRU
from .min_lstm import MinLSTM
from .mlstm import MLSTM
from .peephole import PeepholeLSTM
from .qrnn import QRNN, QRNN2
from .rnn import ReLURNN, TanhRNN
from .sru import SRU
from .ssru import SSRU

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
        MLSTM(),
        SSRU(),
        SRU(),
        QRNN(),
        QRNN2(),
        MinGRU(),
        MinLSTM(),
    )
}
"""All cells by the name that a config gives them."""
