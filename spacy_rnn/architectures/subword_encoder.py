"""Encoders of subwords, as settings of an encoder-decoder."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from spacy.tokens import Doc
from thinc.api import Model
from thinc.types import Ints1d

from ..nn.rnn.settings import RecurrentSettings
from ..text.subwords import load_subwords
from ..types import Source

if TYPE_CHECKING:
    from ..nn.seq2seq.model import MakeSubwordEncoder


def build_subword_encoder_v1(
    network: RecurrentSettings, embed_width: int = 256
) -> "MakeSubwordEncoder":
    """An encoder of subwords: embeddings and a recurrent network over them.

    network (RecurrentSettings): The recurrent network, `spacy-rnn.recurrent_network.v1`.
    embed_width (int): Features of each embedding.
    RETURNS (MakeSubwordEncoder): Makes the encoder, as a part of the network of
        `spacy-rnn.Seq2Seq.v1`.
    RAISES (ValueError): If a setting is out of its bounds or does not fit another one.
    """
    from ..bridge.weights import build_small
    from ..nn.seq2seq.model import SubwordEncoder

    make_encoder = partial(SubwordEncoder, network=network, embed_width=embed_width)
    # Made once for its checks of the settings. It draws initial weights too, so that without it
    # all later draws from the same seed would be others.
    build_small(make_encoder, {"pieces": 1})
    return make_encoder


def make_tokenizer() -> Source:
    """Make a layer that segments documents into subwords.

    Its attribute "subwords" is the stored vocabulary; "subword_sampling" is the amount of
    sampling in training (see `Subwords.encode`).

    RETURNS (Source): The layer: `Model[List[Doc], List[Ints1d]]`.
    """
    return Model("subword_tokenizer", tokenize, attrs={"subwords": b"", "subword_sampling": 0.0})


def tokenize(model: Source, docs: list[Doc], is_train: bool) -> tuple[list[Ints1d], Callable]:
    """Segment documents into subwords, in training by sampling if set.

    model (Source): The layer.
    docs (list[Doc]): The documents.
    is_train (bool): Whether to sample segmentations.
    RETURNS (tuple[list[Ints1d], Callable]): The pieces of each document, and a callback without
        effect: pieces have no gradient.
    """
    sampling = model.attrs["subword_sampling"] if is_train else 0.0
    texts = [doc[:].text for doc in docs]  # Without the space after the last token.
    pieces = load_subwords(model.attrs["subwords"]).encode(texts, sampling)
    return [model.ops.asarray1i(segmented) for segmented in pieces], lambda d_pieces: docs
