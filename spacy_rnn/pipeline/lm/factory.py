"""Language models: perplexity and surprisal of documents, generation, streams."""

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
bidirectional = false

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
        best="inverse_perplexity",
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

    nlp (Language): The pipeline that it will be in.
    name (str): Its name there.
    model (Model): `spacy-rnn.LanguageModel.v1`.
    scorer (Callable | None): Scores how well texts were foreseen.
    units (str): What is foreseen one by one: "words", which are spaCy's tokens, "subwords" or
        "characters".
    vocab_size (int): The most words or characters in the vocabulary, or the number of subwords.
    min_count (int): How often a word or character has to occur in training to be known.
    direction (str): "forward", or "backward" for a model that reads texts from their end.
    reset (str): Where a chunk's state begins anew in training: at each "doc", or "never", so that
        a document is read after the one before.
    max_bptt (int): The most pieces that a gradient goes back through in training: of longer
        documents and chunks the state is carried on, but not the gradient.
    max_batch_tokens (int): The pieces that are read at once in prediction.
    attr_prefix (str): What the names of all custom attributes begin with, to keep the models of
        one pipeline apart.
    RETURNS (RecurrentLanguageModel): The component.
    RAISES (ValueError): If another language model of the pipeline writes to the same attributes.
    """
    from .component import RecurrentLanguageModel

    for other, component in nlp.pipeline:
        if isinstance(component, RecurrentLanguageModel) and component.attr_prefix == attr_prefix:
            raise ValueError(
                f'"{other}" and "{name}" would both write to doc._.{attr_prefix}perplexity: '
                f"give one of them another attr_prefix"
            )
    return RecurrentLanguageModel(
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
