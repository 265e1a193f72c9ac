"""Documents and training examples of everything that the project reads."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example

from ..extensions import ensure_extension
from ..metrics.common import translations_of
from .entities import trim_entities, warn_of_trimmed
from .parallel import POLICIES, ParallelCorpus, create_parallel_corpus_v1
from .readers.base import DocReader, Field, ReadOptions, RecordReader, logger
from .readers.pairs import open_texts
from .readers.records import count_untrimmed, make_annotated_doc
from .readers.registry import HUB, find_reader


def read_examples(
    nlp: Language,
    source: str | Path,
    target: str | Path | list[str] | None = None,
    **settings: Any,
) -> Iterator[Example]:
    """Read a corpus of any format as examples.

    nlp (Language): The pipeline whose tokenizer splits the texts.
    source (str | Path): The corpus, as for `read_docs`.
    target (str | Path | list[str] | None): Files of translations, if the source is a
        file of lines.
    settings (Any): The other settings of `read_docs`.
    YIELDS (Example): The annotated documents beside documents without annotation, which have the
        same tokens if the corpus does not say where there are spaces between them.
    RAISES (ValueError): As `read_docs`.
    """
    for reference in read_docs(nlp, source, target, **settings):
        if reference.has_unknown_spaces:
            words = [token.text for token in reference]
            spaces = [bool(token.whitespace_) for token in reference]
            yield Example(Doc(nlp.vocab, words=words, spaces=spaces), reference)
        else:
            yield Example(nlp.make_doc(reference.text), reference)


def read_docs(
    nlp: Language,
    source: str | Path,
    target: str | Path | list[str] | None = None,
    *,
    format: str | None = None,
    encoding: str = "utf8",
    source_field: Field | None = None,
    target_field: Field | Sequence[Field] | None = None,
    label_field: str | None = None,
    split: str | None = None,
    subset: str | None = None,
    translation: bool = True,
    annotation: bool = True,
    limit: int = 0,
    on_conflict: str = "error",
    merge_subtokens: str = "auto",
    warn: Callable[[str], object] = logger.warning,
    **settings: Any,
) -> Iterator[Doc]:
    """Read a corpus of any format as annotated documents.

    nlp (Language): The pipeline whose tokenizer splits texts that come without tokens.
    source (str | Path): A file in a format of `spacy_rnn.training.readers.registry`, perhaps
        compressed as .gz, or the name of a data set on the Hugging Face hub if `split` is set.
    target (str | Path | list[str] | None): Files of translations, if the source is a
        file of lines.
    format (str | None): The format of the source, such as "bio"; None for that of its suffix.
    encoding (str): The encoding of text files.
    source_field (Field | None): The column of the text.
    target_field (Field | Sequence[Field] | None): The columns of translations.
    label_field (str | None): The column of the class: by default "intent", and "label" of
        labelled lines.
    split (str | None): The split of a data set.
    subset (str | None): The configuration of a data set that has several.
    translation (bool): Whether texts have translations, unless their format has none.
    annotation (bool): Whether to read tags, entities and classes of records.
    limit (int): The maximum number of documents, 0 for all.
    on_conflict (str): What to do with an I- tag that continues no entity: "error" or "repair".
    merge_subtokens (str): Which written words that a treebank splits are one token, as in
        `ReadOptions`.
    warn (Callable[[str], object]): Called with each warning.
    settings (Any): The other settings of `spacy-rnn.ParallelCorpus.v1`.
    YIELDS (Doc): The documents. White space is taken off the ends of their entities.
    RAISES (ValueError): If a setting is wrong, a file is malformed, a text has a fault whose
        policy is "error" or is too long for spaCy, or annotation does not fit its text.
    """
    reader = HUB if split is not None else find_reader(source, format)
    if isinstance(reader, DocReader):
        unused = {
            "target": target,
            "source_field": source_field,
            "target_field": target_field,
            "label_field": label_field,
            "subset": subset,
        }
        for name, value in unused.items():
            if value:
                raise ValueError(
                    f"{source} holds annotated tokens ({reader.contents}), so {name} cannot be "
                    f"{value!r}: leave it out"
                )
        options = ReadOptions(
            encoding=encoding,
            on_conflict=on_conflict,
            merge_subtokens=merge_subtokens,
            warn=warn,
        )
        trimmed = 0
        for doc in islice(reader.read(nlp, Path(source), options), limit or None):
            trimmed += trim_entities(doc)
            yield doc
        warn_of_trimmed(trimmed, warn)
        return
    origin: dict[str, Any] = {
        "split": split,
        "subset": subset,
        "format": format,
        "encoding": encoding,
    }
    if isinstance(reader, RecordReader):
        label_field = label_field or reader.label_field
        translation = translation and bool(reader.target_field or target_field)
    if translation:
        fields: dict[str, Any] = {"source_field": source_field, "target_field": target_field}
        corpus = create_parallel_corpus_v1(
            source, target, **fields, **origin, limit=limit, **settings
        )
    else:
        if target or target_field:
            raise ValueError(
                f"The texts of {source} are read without translations, but a target is set: "
                f"{target or target_field!r}. Leave one of the two out"
            )
        policies = {name: settings.pop(name, "error") for name in POLICIES}
        read = open_texts(source, source_field, **origin)
        corpus = ParallelCorpus(read, [str(source)], policies, limit=limit, **settings)
    yield from _make_docs(nlp, corpus, label_field if annotation else None, warn)


def _make_docs(
    nlp: Language,
    corpus: ParallelCorpus,
    label_field: str | None,
    warn: Callable[[str], object],
) -> Iterator[Doc]:
    """Make documents of texts, with their translations and the annotation of their records."""
    labels = _list_labels(corpus, label_field) if label_field else []
    trimmed = 0
    for pair in corpus.pairs(warn=warn):
        text = str(pair.sides[0])
        position = f"{corpus.names[0]}, line {pair.number}"
        if len(text) > nlp.max_length:
            raise ValueError(
                f"{position}: {len(text)} characters, but spaCy takes {nlp.max_length} at most. "
                f"Cut the text, or leave such pairs out: --max-length {nlp.max_length} "
                f"--on-too-long skip"
            )
        if label_field:
            try:
                doc = make_annotated_doc(nlp, text, pair.record, labels, label_field)
            except (TypeError, ValueError) as error:
                raise ValueError(
                    f"{position}: {error}. Correct the record, or leave annotation out: "
                    f"--no-annotation"
                ) from error
            trimmed += count_untrimmed(text, pair.record)
        else:
            doc = nlp.make_doc(text)
        if len(pair.sides) > 1:
            corpus.set_translation(doc, pair)
        yield doc
    warn_of_trimmed(trimmed, warn)


def _list_labels(corpus: ParallelCorpus, label_field: str) -> list[str]:
    """Return all classes of a corpus, each of which becomes a category of every document."""
    labels = {pair.record.get(label_field) for pair in corpus.read()}
    return sorted(label for label in labels if isinstance(label, str))


def swap_sides(nlp: Language, docs: Iterable[Doc], attr: str) -> Iterator[Doc]:
    """Make documents of translations, whose translations are the texts.

    nlp (Language): The pipeline whose tokenizer splits the translations.
    docs (Iterable[Doc]): Texts with translations.
    attr (str): The custom attribute for translations.
    YIELDS (Doc): A document for each translation of each text.
    RAISES (ValueError): If a text has no translation, or an empty one.
    """
    ensure_extension(attr)
    for number, doc in enumerate(docs, 1):
        translations = translations_of(doc, attr)
        if not any(map(str.strip, translations)):
            raise ValueError(
                f"Document {number}, {doc.text[:60]!r}, has no translation in doc._.{attr} to "
                f"swap with its text: leave it out, or name another attribute with --attr"
            )
        for translation in translations:
            swapped = nlp.make_doc(translation)
            swapped._.set(attr, doc.text)
            yield swapped


def split_docs(docs: list[Doc], size: int) -> tuple[list[Doc], list[Doc]]:
    """Hold out documents at random, the same at every call.

    docs (list[Doc]): The documents.
    size (int): The number of documents to hold out.
    RETURNS (tuple[list[Doc], list[Doc]]): The other documents, and those held out.
    RAISES (ValueError): If no other documents would be left.
    """
    if size >= len(docs):
        raise ValueError(f"{size} of {len(docs)} documents held out leave none to train on")
    order = Random(0).sample(docs, len(docs))
    return order[size:], order[:size]
