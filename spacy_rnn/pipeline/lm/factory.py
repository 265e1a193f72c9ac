"""Factory of language models.

Apart from component.py because every blank pipeline loads all factories, by their entry points: a
factory imports nothing slow before it makes its component.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from thinc.api import Config, Model

from ...metrics.registry import score_weights

if TYPE_CHECKING:
    from .component import RecurrentLanguageModel


DEFAULT_CONFIG = """
[rnn_lm]
units = "words"
vocab_size = 20000
min_count = 2
direction = "forward"
reset = "doc"
max_bptt = 200
max_batch_tokens = 4000
attr_prefix = ""

[rnn_lm.model]
@architectures = "spacy-rnn.LanguageModel.v1"
embed_width = 256
tied_softmax = true

[rnn_lm.model.network]
@misc = "spacy-rnn.recurrent_network.v1"
width = 256
depth = 2
cell = "lstm"

[rnn_lm.scorer]
@scorers = "spacy-rnn.language_model_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_lm"]


@Language.factory(
    "rnn_lm",
    assigns=["doc._.perplexity", "doc._.bits_per_char", "token._.surprisal"],
    default_config=DEFAULTS,
    default_score_weights=score_weights(
        "rnn_lm",
        best={"inverse_perplexity": 1.0},
        keys=["inverse_perplexity", "word_perplexity", "token_perplexity", "bits_per_char"],
    ),
)
def make_language_model(
    nlp: Language,
    name: str,
    model: Model,
    scorer: Callable | None,
    units: str,
    vocab_size: int,
    min_count: int,
    direction: str,
    reset: str,
    max_bptt: int,
    max_batch_tokens: int,
    attr_prefix: str,
) -> "RecurrentLanguageModel":
    """Make a language model.

    nlp (Language): The pipeline.
    name (str): The name of the component.
    model (Model): `spacy-rnn.LanguageModel.v1`.
    scorer (Callable | None): The scorer of predicted texts.
    units (str): The units of the vocabulary: "words", which are the tokens of spaCy, "subwords"
        or "characters".
    vocab_size (int): The maximum number of words or characters in the vocabulary, or the number
        of subwords.
    min_count (int): The minimum frequency of words or characters in the vocabulary.
    direction (str): "forward", or "backward" for a model that reads texts from their end.
    reset (str): When the state is reset in training on chunks: at the end of each "doc", or
        "never", so that it is carried over to the next document.
    max_bptt (int): The maximum number of pieces that a gradient is propagated back through in
        training. In longer documents and chunks the state is carried on without it.
    max_batch_tokens (int): The maximum size of an inner batch in pieces, padding included, in
        prediction and for the prompts of generation. Longer texts are read in parts.
    attr_prefix (str): The prefix of the names of all custom attributes, for several models in one
        pipeline.
    RETURNS (RecurrentLanguageModel): The component.
    RAISES (ValueError): If another language model of the pipeline writes to the same attributes.
    """
    from ..attributes import check_owner
    from .component import RecurrentLanguageModel

    component = RecurrentLanguageModel(
        nlp.vocab,
        model,
        name,
        tokenizer=nlp.tokenizer,
        scorer=scorer,
        units=units,
        vocab_size=vocab_size,
        min_count=min_count,
        direction=direction,
        reset=reset,
        max_bptt=max_bptt,
        max_batch_tokens=max_batch_tokens,
        attr_prefix=attr_prefix,
    )
    check_owner(nlp, component)
    return component
