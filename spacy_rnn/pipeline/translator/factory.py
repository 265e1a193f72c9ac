"""Factory of translators.

Apart from component.py because every blank pipeline loads all factories, by their entry points: a
factory imports nothing slow before it makes its component.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from spacy.language import Language
from thinc.api import Config, Model

from ...metrics.registry import TRANSLATION_METRICS, score_weights

if TYPE_CHECKING:
    from .component import RecurrentTranslator


DEFAULT_CONFIG = """
[rnn_translator]
attr = "translation"
vocab_size = 8000
shared_vocab = true
subwords = "bpe"
subword_sampling = 0.0
guided_alignment = 0.0
max_batch_tokens = 2000
read_ahead = 0
threads = null
detail = "alignments"
int8 = false
banned_pieces = []
max_sentences = null
trg_lang = null
terms_key = "terms"
terms_label = "TERM"
keep = []
keep_labels = []
keep_key = "keep"

[rnn_translator.model]
@architectures = "spacy-rnn.Seq2Seq.v1"
tied_embeddings = false
mixed_precision = false

[rnn_translator.model.encoder]
@misc = "spacy-rnn.subword_encoder.v1"
embed_width = 256

[rnn_translator.model.encoder.network]
@misc = "spacy-rnn.recurrent_network.v1"
width = 512
depth = 1
cell = "gru"

[rnn_translator.model.attention]
@misc = "spacy-rnn.additive_attention.v1"
width = 256

[rnn_translator.model.decoder]
@misc = "spacy-rnn.recurrent_decoder.v1"
embed_width = 256
readout_width = 256
deep_output = true
input_feeding = false
bridge = "dense"
tied_softmax = true
label_smoothing = 0.1

[rnn_translator.model.decoder.network]
@misc = "spacy-rnn.recurrent_network.v1"
width = 512
depth = 1
cell = "gru"

[rnn_translator.search]
@misc = "spacy-rnn.beam_search.v1"
beam_width = 5
n_best = 1

[rnn_translator.scorer]
@scorers = "spacy-rnn.translation_scorer.v1"
"""
DEFAULTS = Config().from_str(DEFAULT_CONFIG)["rnn_translator"]


@Language.factory(
    "rnn_translator",
    assigns=["doc._.translation", "doc._.translations", "doc._.translation_doc"],
    default_config=DEFAULTS,
    default_score_weights=score_weights(
        "rnn_translator",
        # Where texts have fewer than four words, BLEU is 0 and chrF alone says which is best.
        best={"bleu": 0.9, "chrf": 0.1},
        keys=[*TRANSLATION_METRICS, "token_perplexity", "word_perplexity"],
    ),
)
def make_translator(
    nlp: Language,
    name: str,
    model: Model,
    search: Callable,
    scorer: Callable | None,
    attr: str,
    vocab_size: int,
    shared_vocab: bool,
    subwords: str,
    subword_sampling: float,
    guided_alignment: float,
    max_batch_tokens: int,
    read_ahead: int,
    threads: int | None,
    detail: str,
    int8: bool,
    banned_pieces: list[str],
    max_sentences: int | None,
    trg_lang: str | None,
    terms_key: str,
    terms_label: str,
    keep: list[str],
    keep_labels: list[str],
    keep_key: str,
) -> "RecurrentTranslator":
    """Make a translator.

    nlp (Language): The pipeline.
    name (str): The name of the component.
    model (Model): `spacy-rnn.Seq2Seq.v1`.
    search (Callable): `spacy-rnn.beam_search.v1`, `spacy-rnn.greedy_search.v1` or
        `spacy-rnn.sampling_search.v1`.
    scorer (Callable | None): The scorer of translations.
    attr (str): The custom attribute of documents that holds the translation. With the suffix
        "s" it holds the n best, with "_doc" the translation as a document, with "_prefix" the text
        that the translation has to begin with.
    vocab_size (int): The number of subwords in a vocabulary.
    shared_vocab (bool): Whether source and target share one vocabulary.
    subwords (str): "bpe" or "unigram".
    subword_sampling (float): The variation of the segmentation into subwords in training, 0 for
        none: the alpha of a unigram vocabulary (Kudo 2018), which varies more the smaller it is;
        the dropout of BPE (Provilkov et al. 2020), which varies most at about 0.5.
    guided_alignment (float): The weight of a second loss, of the attention weights: that of guided
        alignment (Chen et al. 2016). The alignments are learned from the training data when the
        component is initialized. 0 for none.
    max_batch_tokens (int): The maximum size of an inner batch in source pieces, padding
        included, estimated at four characters a piece. A longer passage is a batch of its own.
    read_ahead (int): The number of documents to read ahead and to sort by length, if that is more
        than the batch size of `nlp.pipe`. Their translations come when all of them are there.
    threads (int | None): The number of inner batches to translate at once, each on one thread. 1
        translates one after the other, with the threads that torch has. None for as many as torch
        has threads, on a GPU 1.
    detail (str): What is wanted of translations: "text"; "scores", also the score, the pieces and
        their log-probabilities; or "alignments", also what each piece comes from, and what seems
        to be left out. Less takes less time.
    int8 (bool): Whether to translate with weights as 8-bit integers on a CPU, to nearly the
        same translations. Faster for many sentences at once on processors with VNNI; no faster on
        others.
    banned_pieces (list[str]): Subwords that are never generated, as the vocabulary spells them.
    max_sentences (int | None): The maximum number of sentences that are translated as one; 0 for
        whole documents. None for as many as at least a tenth of the sources of the training data
        have. Where nothing has set sentence boundaries, spaCy's rules and line breaks do.
    trg_lang (str | None): The code of the language of translations, whose tokenizer makes the
        tokens of `doc._.translation_doc`. None for the rules that spaCy has for all languages.
    terms_key (str): The group of `doc.spans` with terms: the `id_` of each span says what stands
        for it in the translation, such as "Ufer", "Ufer|Flussufer" or, for what must not, "!Bank".
    terms_label (str): The label of entities that are terms as well.
    keep (list[str]): The kinds of text that stand in the translation as they are: "url", "email",
        "number", "code", "tag", "placeholder", "emoji".
    keep_labels (list[str]): The labels of entities that stand in the translation as they are.
    keep_key (str): The group of `doc.spans` whose spans do.
    RETURNS (RecurrentTranslator): The component.
    RAISES (ValueError): If another translator of the pipeline writes to the same attribute, or
        spaCy has no such language.
    """
    from ..attributes import check_owner
    from .component import RecurrentTranslator

    component = RecurrentTranslator(
        nlp.vocab,
        model,
        name,
        search=search,
        scorer=scorer,
        attr=attr,
        vocab_size=vocab_size,
        shared_vocab=shared_vocab,
        subwords=subwords,
        subword_sampling=subword_sampling,
        guided_alignment=guided_alignment,
        max_batch_tokens=max_batch_tokens,
        read_ahead=read_ahead,
        threads=threads,
        detail=detail,
        int8=int8,
        banned_pieces=banned_pieces,
        max_sentences=max_sentences,
        trg_lang=trg_lang,
        terms_key=terms_key,
        terms_label=terms_label,
        keep=keep,
        keep_labels=keep_labels,
        keep_key=keep_key,
    )
    check_owner(nlp, component)
    return component
