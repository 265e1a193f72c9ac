"""A translator in plain PyTorch, as one would write it: what ours is compared with."""

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils import rnn

START, END, PADDING = 1, 2, -100


class PlainTranslator(nn.Module):
    """A bidirectional GRU, a GRU, general attention and a tied softmax.

    The parts are those of `configs/translator.cfg`, of the same sizes.

    pieces (int): Entries of the vocabulary, one for source and target.
    embed (int): Features of each embedding and of the readout.
    width (int): Features of the encoder, both directions together, and of the decoder.
    dropout (float): Rate of the dropout on embeddings and readout.
    smoothing (float): Label smoothing.
    """

    def __init__(
        self, pieces: int, embed: int, width: int, dropout: float, smoothing: float = 0.1
    ):
        super().__init__()
        self.smoothing = smoothing
        self.source = nn.Embedding(pieces, embed)
        self.target = nn.Embedding(pieces, embed)
        self.reader = nn.GRU(embed, width // 2, bidirectional=True, batch_first=True)
        self.bridge_layer = nn.Linear(width, width)
        self.writer = nn.GRU(embed, width, batch_first=True)
        self.key = nn.Linear(width, width, bias=False)
        self.readout = nn.Linear(2 * width + embed, embed)
        self.output_bias = nn.Parameter(torch.zeros(pieces))
        self.dropout = nn.Dropout(dropout)

    def forward(self, sources: list[list[int]], targets: list[list[int]]) -> Tensor:
        """Compute the loss of a piece, in nats."""
        lengths = torch.tensor([len(source) for source in sources])
        packed = rnn.pack_padded_sequence(
            self.dropout(self.source(_pad(sources, 0))),
            lengths,
            batch_first=True,
            enforce_sorted=False,
        )
        memory, final = self.reader(packed)
        memory = rnn.pad_packed_sequence(memory, batch_first=True)[0]
        start = self.bridge_layer(torch.cat([final[0], final[1]], 1)).tanh()
        embedded = self.dropout(self.target(_pad([[START, *target] for target in targets], 0)))
        hidden = self.writer(embedded, start[None].contiguous())[0]
        scores = hidden @ self.key(memory).transpose(1, 2)
        padding = torch.arange(memory.shape[1]) >= lengths[:, None]
        weights = scores.masked_fill(padding[:, None], -torch.inf).softmax(dim=2)
        context = weights @ memory
        readout = self.dropout(self.readout(torch.cat([hidden, context, embedded], 2)).tanh())
        logits = functional.linear(readout, self.target.weight, self.output_bias)
        expected = _pad([[*target, END] for target in targets], PADDING)
        return functional.cross_entropy(
            logits.flatten(0, 1),
            expected.flatten(),
            ignore_index=PADDING,
            label_smoothing=self.smoothing,
        )

    def copy_weights(self, ours: nn.Module) -> None:
        """Take the weights of our network.

        ours (nn.Module): A `spacy_rnn.nn.seq2seq.model.Seq2Seq` of the same sizes.
        """
        names = {
            "encoder.embedding.": "source.",
            "decoder.embedding.": "target.",
            "decoder.bridge_layer.": "bridge_layer.",
            "decoder.attention.key.": "key.",
            "decoder.readout.bias": "readout.bias",
            "decoder.output_bias": "output_bias",
        }
        weights = ours.state_dict()
        parts = [
            weights.pop(f"decoder.{part}.weight")
            for part in ("readout", "value", "deep_output_layer")
        ]
        state = {"readout.weight": torch.cat(parts, 1)}
        for name, weight in weights.items():
            if ".layers." in name:
                part, _, _, direction, kind = name.split(".")
                own = {"encoder": "reader", "decoder": "writer"}[part]
                state[f"{own}.{kind}_l0{'_reverse' if direction == '1' else ''}"] = weight
            else:
                prefix = next(prefix for prefix in names if name.startswith(prefix))
                state[names[prefix] + name.removeprefix(prefix)] = weight
        self.load_state_dict(state)


def _pad(rows: list[list[int]], value: int) -> Tensor:
    return rnn.pad_sequence([torch.tensor(row) for row in rows], True, value)
