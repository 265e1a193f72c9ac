"""Prediction of a translator: documents in, their translations out, and nothing is changed."""

import logging
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc
from thinc.api import Model

from ...architectures.seq2seq import translate
from ...batching import share_by_length
from ...bridge.threads import TaskThreads
from ...generation.settings import Detail
from .constrained import ConstrainedPassage, constrain_passage
from .keep import KeepSettings, find_kept
from .passages import Passage, TranslatedPassage, Translation, split_passages
from .stand_ins import restore
from .subwords import reads_subwords, source_subwords, target_subwords
from .terms import Term, TermSettings, read_terms, within

if TYPE_CHECKING:
    from ...generation.lexical import LexicalConstraints
    from ...generation.state import Hypothesis

logger = logging.getLogger("spacy")


class Predictor(NamedTuple):
    """Translates documents: by passages, in batches of similar length, side by side.

    model (Model): `spacy-rnn.Seq2Seq.v1`.
    others (list[Model]): Those that translate together with it.
    search (Callable): The search.
    detail (Detail): What is wanted of translations.
    attr (str): The custom attribute that, with the suffix "_prefix", holds the text that the
        translation of a document has to begin with.
    max_sentences (int): The maximum number of sentences in a passage; 0 for whole documents.
    line_breaks (bool): Whether passages may have line breaks or tabs in them.
    max_batch_tokens (int): The maximum size of a batch in source pieces, padding included.
    banned_pieces (tuple[str, ...]): Subwords that are never generated.
    int8 (bool): Whether to compute with weights as 8-bit integers.
    terms (TermSettings): Where the terms of documents stand.
    keep (KeepSettings): Which parts of documents stand in their translation as they are.
    """

    model: Model
    others: list[Model]
    search: Callable
    detail: Detail
    attr: str
    max_sentences: int
    line_breaks: bool
    max_batch_tokens: int
    banned_pieces: tuple[str, ...]
    int8: bool
    terms: TermSettings
    keep: KeepSettings

    def translate(self, docs: list[Doc], threads: TaskThreads) -> list[Translation]:
        """Translate documents.

        docs (list[Doc]): The documents.
        threads (TaskThreads): Those that batches are translated on.
        RETURNS (list[Translation]): The translation of each.
        RAISES (ValueError): If the prefix of a document is no text.
        """
        terms = [self._read_terms(doc) for doc in docs]
        passages = split_passages(docs, self.max_sentences, self.line_breaks, terms)
        prefixes = self._read_prefixes(docs, passages)
        of_passages = [
            [*within(terms[passage.document], passage.first_token, passage.end_token)]
            for passage in passages
        ]
        batches = self._share(passages, of_passages, threads.number)

        def translate_batch(batch: list[int]) -> list[TranslatedPassage]:
            return self.translate_passages(
                [passages[index] for index in batch],
                [prefixes[index] for index in batch],
                [of_passages[index] for index in batch],
            )

        translated = dict(
            zip(
                chain.from_iterable(batches),
                chain(*threads.map(translate_batch, batches)),
                strict=True,
            )
        )
        translations = [Translation([], self.detail) for _ in docs]
        for index, passage in enumerate(passages):
            translations[passage.document].passages.append(translated[index])
        return translations

    def _read_terms(self, doc: Doc) -> list[Term]:
        terms = read_terms(doc, self.terms)
        kept = find_kept(doc, self.keep, terms)
        if doc._.get(f"{self.attr}_prefix"):  # Which may have the very text, or its stand-in.
            kept = [term._replace(kept=None) for term in kept]
        return terms + kept

    def _constrain(
        self, passages: list[Passage], terms: list[list[Term]]
    ) -> list[ConstrainedPassage]:
        """Make the constraints of passages, if they have terms: all of a batch have, or none."""
        if not any(terms):
            return []
        source, target = source_subwords(self.model), target_subwords(self.model)
        return [
            constrain_passage(passage, of_passage, source, target, self.banned_pieces)
            for passage, of_passage in zip(passages, terms, strict=True)
        ]

    def _share(
        self, passages: list[Passage], terms: list[list[Term]], workers: int
    ) -> list[list[int]]:
        """Share passages among batches of similar length: apart those that have terms."""
        batches = []
        for has_terms in (True, False):
            indices = [index for index, each in enumerate(terms) if bool(each) == has_terms]
            # A piece is taken to have four characters: pieces are known only inside a batch.
            lengths = [len(passages[index].text) for index in indices]
            shares = share_by_length(lengths, 4 * self.max_batch_tokens, workers)
            batches += [[indices[place] for place in share] for share in shares]
        return batches

    def translate_passages(
        self,
        passages: list[Passage],
        prefixes: list[str | None],
        terms: list[list[Term]],
    ) -> list[TranslatedPassage]:
        """Translate a batch of passages, in any thread.

        passages (list[Passage]): The passages.
        prefixes (list[str | None]): The text that the translation of each has to begin with.
        terms (list[list[Term]]): The terms of each, or none of any.
        RETURNS (list[TranslatedPassage]): The passages and their translations.
        """
        constrained = self._constrain(passages, terms)
        docs = [each.source for each in constrained or passages]
        sources = self.model.get_ref("source").predict(docs)
        hypotheses = translate(
            self.model,
            sources,
            self.search,
            prefixes=prefixes,
            banned_pieces=self.banned_pieces,
            int8=self.int8,
            detail=self.detail,
            lexical=[each.lexical for each in constrained],
            others=[(other, other.get_ref("source").predict(docs)) for other in self.others],
        )
        if constrained:
            hypotheses = [
                _accept(passage.text, each.lexical, ranked)
                for passage, each, ranked in zip(passages, constrained, hypotheses, strict=True)
            ]
        subwords = target_subwords(self.model)
        has_pieces = reads_subwords(self.model)
        stand_ins = [each.stand_ins for each in constrained] or [[] for _ in passages]
        return [
            TranslatedPassage.of(
                passage,
                source.tolist() if has_pieces else None,
                replaced,
                *self._distinct([restore(each, replaced, subwords) for each in ranked]),
            )
            for passage, source, replaced, ranked in zip(
                passages, sources, stand_ins, hypotheses, strict=True
            )
        ]

    def _distinct(self, hypotheses: "list[Hypothesis]") -> "tuple[list[Hypothesis], list[str]]":
        """Return the n best hypotheses of distinct texts, and these.

        Of several segmentations of one text the best one is taken.
        """
        n_best = getattr(self.search, "n_best", 1)
        if n_best == 1:
            hypotheses = hypotheses[:1]
        texts = target_subwords(self.model).decode([each.pieces for each in hypotheses])
        best: dict[str, Hypothesis] = {}
        for text, hypothesis in zip(texts, hypotheses, strict=True):
            best.setdefault(text, hypothesis)
        return list(best.values())[:n_best], list(best)[:n_best]

    def _read_prefixes(self, docs: list[Doc], passages: list[Passage]) -> list[str | None]:
        """Return the prefix of each passage: only the first of a document has one."""
        firsts = {passage.document: index for index, passage in reversed([*enumerate(passages)])}
        prefixes: list[str | None] = [None] * len(passages)
        for number, index in firsts.items():
            prefix = docs[number]._.get(f"{self.attr}_prefix")
            if prefix is not None and not isinstance(prefix, str):
                raise ValueError(
                    f"doc._.{self.attr}_prefix is {prefix!r}: set it to the text that the "
                    f"translation begins with, or to None"
                )
            prefixes[index] = prefix
        return prefixes


def _accept(
    text: str, lexical: "LexicalConstraints", hypotheses: "list[Hypothesis]"
) -> "list[Hypothesis]":
    """Return the hypotheses that keep the constraints; all, with a warning, if none does."""
    accepted = [each for each in hypotheses if lexical.accepts(each.pieces)]
    if not accepted:
        logger.warning(
            "The translation of '%s' does not have its terms as they are asked for: its prefix "
            "breaks them, or one contains another and the beam is too narrow. Set a larger "
            "beam_width, or leave one out",
            text,
        )
    return accepted or hypotheses
