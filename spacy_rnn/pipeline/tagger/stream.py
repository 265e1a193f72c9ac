"""Streams of tokens that a tagger labels, each from itself and the tokens before it."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import numpy as np
from spacy.tokens import Doc, Token
from spacy.vocab import Vocab
from thinc.api import Model, torch2xp, xp2torch
from thinc.types import Floats2d

from ...architectures.growth import get_unseen
from ...bridge.access import network_shim
from ...types import Embedding, Encoder, Labeller
from ..stream import Stream

if TYPE_CHECKING:
    from torch import Tensor

    from ...nn.crf.model import CRF
    from ...nn.rnn.network import RecurrentNetwork


class TagStream(Stream):
    """State of a tagger within a text.

    vocab (Vocab): The vocabulary of the pipeline.
    model (Labeller): The model, whose encoder reads in one direction.
    labels (tuple[str, ...]): The labels.
    state (bytes | None): Stored state to continue from, as `to_bytes` returned it.
    RAISES (ValueError): If the encoder cannot read token by token, or the state is not that of a
        stream of the same model.
    """

    def __init__(
        self,
        vocab: Vocab,
        model: Labeller,
        labels: tuple[str, ...],
        state: bytes | None = None,
    ):
        self.labels = labels
        self._vocab = vocab
        self._embed, encoder = _find_parts(model.get_ref("tok2vec"))
        scorer = model.get_ref("scorer") if model.has_ref("scorer") else model
        self._score: Encoder = scorer.layers[-1]
        self._unseen = get_unseen(model)
        self._advance = _find_transitions(model)
        super().__init__(network_shim(encoder), state)

    def restart(self) -> None:
        """Reset the state to the start of a text."""
        import torch

        from ...nn.rnn.cells.base import states_by_layer

        with self._shim.predictor() as network:
            start = cast("RecurrentNetwork", network).start(1)
        self._state = *states_by_layer(start), torch.full((len(self.labels),), -torch.inf)

    def feed(self, token: str | Token) -> str:
        """Read the next token.

        token (str | Token): The token.
        RETURNS (str): Its most probable label, given this token and those before it.
        RAISES (ValueError): If the stream is closed.
        """
        from ...nn.rnn.stepper import Stepper

        self._check_open()
        if isinstance(token, Token):
            doc = token.doc[token.i : token.i + 1].as_doc()
        else:
            doc = Doc(self._vocab, words=[token])
        (vectors,) = self._embed.predict([doc])
        *state, before = self._state
        with self._shim.predictor() as network:
            words = xp2torch(vectors, device=self._shim.device)
            # Made for each token: weights may change between two, and are prepared already.
            step = Stepper(cast("RecurrentNetwork", network))
            encoded, after = step(words, tuple(state))
        outputs = cast(Floats2d, torch2xp(encoded, ops=self._score.ops))
        (scores,) = self._score.predict([outputs])
        scores[:, self._unseen] = -np.inf
        now = self._advance(xp2torch(scores[0]), before)
        self._state = *after, now
        return self.labels[int(now.argmax())]

    def probabilities(self) -> dict[str, float]:
        """Compute the probability of each label at the last token.

        RETURNS (dict[str, float]): The probabilities by label, given this token and those before
            it.
        RAISES (ValueError): If no token was read yet, or the stream is closed.
        """
        self._check_open()
        now = self._state[-1]
        if now.isinf().all():
            raise ValueError("Nothing was read yet: feed a token to the stream first")
        return dict(zip(self.labels, now.exp().tolist(), strict=True))


def _find_parts(tok2vec: Model) -> tuple[Embedding, Encoder]:
    """Return the embedding of single tokens, and the recurrent encoder above it."""
    encoder = tok2vec.get_ref("encode") if tok2vec.has_ref("encode") else None
    if encoder is None or encoder.name != "recurrent_encoder":
        raise ValueError(
            f"A stream needs a tok2vec of its own, made of an embedding and a recurrent encoder, "
            f'but the tagger has "{tok2vec.name}": choose spacy.Tok2Vec.v2 with '
            f"spacy-rnn.RecurrentEncoder.v1"
        )
    if cast("RecurrentNetwork", network_shim(encoder).network).directions == 2:
        raise ValueError(
            "The encoder of the tagger is bidirectional, but a stream has no end to read from: "
            "train with bidirectional = false"
        )
    return tok2vec.get_ref("embed"), encoder


def _find_transitions(model: Labeller) -> "Callable[[Tensor, Tensor], Tensor]":
    """Return the function to the log-probabilities of a token's labels.

    It takes the scores of the token, and the log-probabilities at the token before it.
    """
    if not model.has_ref("crf"):
        softmax = model.get_ref("softmax")
        if softmax.attrs["softmax_normalize"]:
            return lambda scores, before: scores.log()
        temperature = softmax.attrs["softmax_temperature"]
        return lambda scores, before: (scores / temperature).log_softmax(0)
    shim = network_shim(model.get_ref("crf"))

    def advance(scores: "Tensor", before: "Tensor") -> "Tensor":
        with shim.predictor() as crf:
            return cast("CRF", crf).advance(scores, None if before.isinf().all() else before)

    return advance
