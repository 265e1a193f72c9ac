"""Write parallel corpora in spaCy's binary format."""

from pathlib import Path
from typing import Any

from spacy.cli._util import Arg, Opt
from spacy.tokens import DocBin
from spacy.util import get_lang_class
from wasabi import Printer, msg

from ..training.parallel import ParallelCorpus, create_parallel_corpus_v1
from ..training.readers.records import make_annotated_doc


def convert_cli(
    paths: list[str] = Arg(
        ...,
        metavar="SOURCE [TARGET]... OUTPUT",
        help="Source, files of its translations unless it holds them, .spacy file to write",
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language of the source"),
    source_field: str | None = Opt(
        None, "--source-field", help="Column of the source: a name, or in TSV a number from 0"
    ),
    target_field: list[str] | None = Opt(
        None, "--target-field", help="Column of the translation; repeat for several references"
    ),
    split: str | None = Opt(
        None, "--split", help="Part of a data set, where the source is the name of one"
    ),
    subset: str | None = Opt(
        None, "--subset", help="Configuration of a data set that has several"
    ),
    limit: int = Opt(0, "--limit", "-n", help="Pairs to stop after (0 for none)"),
    max_length: int = Opt(
        0, "--max-length", help="Characters that a side may have (0 for any number)"
    ),
    on_misaligned: str = Opt(
        "error",
        "--on-misaligned",
        help="On a missing line or column, or one too many: error, skip",
    ),
    on_invalid_utf8: str = Opt(
        "error", "--on-invalid-utf8", help="On other bytes than UTF-8: error, replace, skip"
    ),
    on_empty: str = Opt("error", "--on-empty", help="On an empty side: error, skip, keep"),
    on_too_long: str = Opt(
        "error", "--on-too-long", help="On a side beyond --max-length: error, skip"
    ),
    attr: str = Opt("translation", "--attr", help="Custom attribute for the translation"),
    annotation: bool = Opt(
        True,
        "--annotation/--no-annotation",
        help="Take tags, entities and intents from columns of these names",
    ),
) -> None:
    """
    Convert a parallel corpus to a .spacy file for the train command. The
    source is a file of text, TSV, JSONL or Parquet, each perhaps packed by
    gzip, or the name of a data set on the Hugging Face hub. Where records
    have tags, entities or an intent, the documents have them too.
    """
    if len(paths) < 2:
        msg.fail(f"Only {paths[0]!r} is given: name the .spacy file to write last", exits=1)
    source, *targets, output = paths
    try:
        convert(
            source,
            targets,
            Path(output),
            lang=lang,
            source_field=source_field,
            target_field=target_field,
            split=split,
            subset=subset,
            limit=limit,
            max_length=max_length,
            on_misaligned=on_misaligned,
            on_invalid_utf8=on_invalid_utf8,
            on_empty=on_empty,
            on_too_long=on_too_long,
            attr=attr,
            annotation=annotation,
            silent=False,
        )
    except (ImportError, OSError, ValueError) as error:
        msg.fail("The corpus was not converted", str(error), exits=1)


def convert(
    source: str | Path,
    target: str | Path | list[str] | None,
    output: Path,
    *,
    lang: str = "en",
    annotation: bool = True,
    silent: bool = True,
    **settings: Any,
) -> int:
    """Write a parallel corpus to a .spacy file.

    source (str | Path): The source, as for `spacy-rnn.ParallelCorpus.v1`.
    target (str | Path | list[str] | None): The files of its translations, or none.
    output (Path): The file to write.
    lang (str): The language of the source.
    annotation (bool): Whether to take tags, entities and intents from records that have them.
    silent (bool): Whether to print nothing.
    settings (Any): The other settings of `spacy-rnn.ParallelCorpus.v1`.
    RETURNS (int): The documents that were written.
    RAISES (ValueError): If a setting is wrong, the corpus has a fault whose rule is "error", a
        text is too long for spaCy, or annotation does not fit its text.
    RAISES (ImportError): If spaCy has no such language.
    RAISES (OSError): If the file cannot be written.
    """
    if output.suffix != ".spacy":
        raise ValueError(f"{str(output)!r} does not end with .spacy: name the file to write last")
    printer = Printer(no_print=silent)
    nlp = get_lang_class(lang)()
    corpus = create_parallel_corpus_v1(source, target, **settings)
    intents = _list_intents(corpus) if annotation else []
    doc_bin = DocBin(store_user_data=True)
    empty = 0
    for pair in corpus.pairs(warn=printer.warn):
        text = str(pair.sides[0])
        if len(text) > nlp.max_length:
            raise ValueError(
                f"{source}, line {pair.number}: {len(text)} characters, but spaCy takes "
                f"{nlp.max_length} at most. Cut the text, or leave such pairs out: "
                f"--max-length {nlp.max_length} --on-too-long skip"
            )
        try:
            doc = make_annotated_doc(nlp, text, pair.record if annotation else {}, intents)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"{source}, line {pair.number}: {error}. Correct the record, or leave annotation "
                f"out: --no-annotation"
            ) from error
        corpus.set_translation(doc, pair)
        doc_bin.add(doc)
        empty += not len(doc)
    output.parent.mkdir(parents=True, exist_ok=True)
    doc_bin.to_disk(output)
    if empty:
        printer.warn(f"Documents without tokens, which spacy.Corpus.v1 leaves out: {empty}")
    printer.good(f"Documents written to {output}: {len(doc_bin)}")
    return len(doc_bin)


def _list_intents(corpus: ParallelCorpus) -> list[str]:
    """Find all intents of a corpus, which each document has as categories."""
    intents = {pair.record.get("intent") for pair in corpus.read()}
    return sorted(intent for intent in intents if isinstance(intent, str))
