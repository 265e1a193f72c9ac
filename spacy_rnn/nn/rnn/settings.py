"""The settings of recurrent networks."""

from dataclasses import KW_ONLY, dataclass


@dataclass(frozen=True)
class RecurrentSettings:
    """The settings of a `RecurrentNetwork`, which checks them.

    In a config they are a block `spacy-rnn.recurrent_network.v1`.

    width (int): Features of each output, both directions together.
    depth (int): Layers.
    cell (str): The cell: "lstm", "gru", "rnn_tanh", "rnn_relu", "mgu" (Zhou et al. 2016),
        "indrnn" (Li et al. 2018), "peephole" (Gers & Schmidhuber 2000), "cifg" (Greff et al.
        2017), "layer_norm_lstm", "layer_norm_gru" (Ba et al. 2016), "lstmp" (Sak et al. 2014),
        "mlstm" (Beck et al. 2024), "ssru" (Kim et al. 2019), "sru" (Lei et al. 2018), "qrnn",
        "qrnn_2" (Bradbury et al. 2017), "min_gru" or "min_lstm" (Feng et al. 2024).
    bidirectional (bool | None): Whether each layer also reads from the end. None for what the
        network is part of: encoders do, language models and decoders must not read what they are
        to predict.
    merge (str): How two directions become one output: "concat", each of half the width, or
        "sum", each of the whole width.
    residual (bool): Whether a layer's input is added to its output. Where the two are of
        different widths (the first layer, perhaps) it is not.
    layer_norm (bool): Whether to normalise between layers (Ba et al. 2016).
    initial_state (str): The initial states: "zero" or "learned".
    dropout_input (float | None): Rate of the locked dropout on the input; in subword encoders,
        decoders and language models, on the embeddings. Locked dropout drops the same features at
        all words of a sequence. None, here and for the next two, for
        `training.dropout`, or for the rate given with `set_dropout` outside of spaCy.
    dropout_layers (float | None): Rate of the locked dropout between layers.
    dropout_output (float | None): Rate of the locked dropout on the output; in language models
        and decoders, on the input of the softmax.
    word_dropout (float): Share of words, or subwords, whose input is dropped in training.
    weight_drop (float): Share of recurrent weights dropped in training (Merity et al. 2018), of
        cells that have them.
    zoneout_hidden (float): Share of hidden units that keep their value for a step (Krueger et al.
        2017), of cells whose state has them.
    zoneout_cell (float): The same for the cell state, of cells that have one.
    forget_bias (float): Initial bias of the forget gate, of LSTMs and of cells without a product
        with the state. Without effect on other cells, and where `chrono_init` is set.
    chrono_init (int | None): The longest dependency, in steps, that the gates are initialised for:
        chrono initialisation (Tallec & Ollivier 2018).
    cell_width (int | None): Units of the cell state of an "lstmp" in each direction. None for
        twice those of its hidden state. No other cell has this setting.
    heads (int): Heads of an "mlstm", which share its units. No other cell has this setting.
    """

    width: int
    depth: int = 1
    _: KW_ONLY
    cell: str = "lstm"
    bidirectional: bool | None = None
    merge: str = "concat"
    residual: bool = False
    layer_norm: bool = False
    initial_state: str = "zero"
    dropout_input: float | None = None
    dropout_layers: float | None = None
    dropout_output: float | None = None
    word_dropout: float = 0.0
    weight_drop: float = 0.0
    zoneout_hidden: float = 0.0
    zoneout_cell: float = 0.0
    forget_bias: float = 1.0
    chrono_init: int | None = None
    cell_width: int | None = None
    heads: int = 1
