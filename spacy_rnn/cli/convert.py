"""Write corpora in spaCy's binary format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.cli._util import Arg, Opt
from spacy.tokens import Doc, DocBin
from spacy.util import get_lang_class
from wasabi import Printer

from ..checks import check_count
from ..progress import track
from ..training.atomic import replace_file
from ..training.examples import read_docs, split_docs, swap_sides
from ..training.readers.registry import list_formats
from .messages import fail, unquote, unquote_corpus
from .outputs import check_corpus_output, check_outputs

EXAMPLES = """
python -m spacy rnn convert pairs.tsv train.spacy
python -m spacy rnn convert train.en train.de train.spacy --on-empty skip
python -m spacy rnn convert train.spacy backward.spacy --swap --lang de
python -m spacy rnn convert intents.jsonl train.spacy --no-translation \\
    --held-out dev.spacy --held-out-size 200
python -m spacy rnn convert memory.tmx train.spacy --target-field de
python -m spacy rnn convert train.conll train.spacy --on-conflict repair
"""


def convert_cli(
    paths: list[str] = Arg(
        ...,
        metavar="SOURCE [TARGET]... OUTPUT",
        help="Corpus, the files of its translations if it is lines of text, and last the .spacy "
        "file to write",
    ),
    format: str | None = Opt(
        None, "--format", "-f", help=f"Format, if not that of the suffix: {list_formats()}"
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language code of the texts"),
    encoding: str = Opt("utf8", "--encoding", help="Encoding of text files"),
    limit: int = Opt(0, "--limit", "-n", help="Maximum number of documents, 0 for all"),
    source_field: str | None = Opt(
        None,
        "--source-field",
        help="Column of the text: a name, a number from 0 in tables, a language in files of "
        "translators",
    ),
    target_field: list[str] | None = Opt(
        None, "--target-field", help="Column of the translation; repeat for several references"
    ),
    label_field: str | None = Opt(
        None, "--label-field", help="Column of the class; by default intent, or label"
    ),
    translation: bool = Opt(
        True, "--translation/--no-translation", help="Whether texts have translations"
    ),
    annotation: bool = Opt(
        True,
        "--annotation/--no-annotation",
        help="Whether to read the columns tokens, tags, entities and that of the class",
    ),
    attr: str = Opt("translation", "--attr", help="Custom attribute for translations"),
    swap: bool = Opt(
        False,
        "--swap",
        help="Make texts of translations and translations of texts; --lang is then the language "
        "of the translations",
    ),
    max_length: int = Opt(
        0, "--max-length", help="Maximum length of a text or translation in characters, 0 for any"
    ),
    on_misaligned: str = Opt(
        "error",
        "--on-misaligned",
        help="If a line or column is missing, or is one too many: error, skip",
    ),
    on_invalid_utf8: str = Opt(
        "error",
        "--on-invalid-utf8",
        help="If bytes are not UTF-8: error, replace (by U+FFFD), skip",
    ),
    on_empty: str = Opt("error", "--on-empty", help="If a side is empty: error, skip, keep"),
    on_unreviewed: str = Opt(
        "error",
        "--on-unreviewed",
        help="If a translation is marked as unreviewed or obsolete (XLIFF, gettext): error, skip, "
        "keep",
    ),
    on_too_long: str = Opt(
        "error", "--on-too-long", help="If a side is longer than --max-length: error, skip"
    ),
    on_conflict: str = Opt(
        "error",
        "--on-conflict",
        help="If a BIO tag I- continues no entity: error, repair (read it as B-)",
    ),
    merge_subtokens: str = Opt(
        "auto",
        "--merge-subtokens",
        help="Multiword tokens of CoNLL-U that stay one token: needed (those that their words do "
        "not spell), auto (also those that the tokenizer does not split), always",
    ),
    split: str | None = Opt(
        None, "--split", help="Split of the Hugging Face data set that SOURCE names"
    ),
    subset: str | None = Opt(None, "--subset", help="Configuration of that data set"),
    held_out: str | None = Opt(
        None,
        "--held-out",
        help="Second .spacy file, for documents drawn at random, the same in every run",
    ),
    held_out_size: int = Opt(500, "--held-out-size", help="Number of documents in that file"),
) -> None:
    """Convert a corpus to a .spacy file, to train or evaluate on.

    Reads parallel text, plain text (--no-translation), annotated records,
    labelled lines, files of translators (XLIFF, TMX, PO), BIO tags, CoNLL-U
    and Hugging Face data sets. Files may be compressed as .gz. Options of
    other formats are ignored.
    """
    source, *targets, output = unquote_corpus(paths, "Nothing was converted")
    try:
        convert(
            source,
            targets,
            Path(output),
            format=format,
            lang=lang,
            encoding=encoding,
            limit=limit,
            source_field=source_field,
            target_field=target_field,
            label_field=label_field,
            translation=translation,
            annotation=annotation,
            attr=attr,
            swap=swap,
            max_length=max_length,
            on_misaligned=on_misaligned,
            on_invalid_utf8=on_invalid_utf8,
            on_empty=on_empty,
            on_unreviewed=on_unreviewed,
            on_too_long=on_too_long,
            on_conflict=on_conflict,
            merge_subtokens=merge_subtokens,
            split=split,
            subset=subset,
            held_out=None if held_out is None else Path(unquote(held_out)),
            held_out_size=held_out_size,
            silent=False,
        )
    except (ImportError, OSError, ValueError) as error:
        fail(f"{source} was not converted", error)


def convert(
    source: str | Path,
    target: str | Path | list[str] | None,
    output: Path,
    *,
    lang: str = "en",
    attr: str = "translation",
    swap: bool = False,
    held_out: Path | None = None,
    held_out_size: int = 500,
    silent: bool = True,
    **settings: Any,
) -> int:
    """Write a corpus to a .spacy file.

    source (str | Path): The corpus, as for `read_docs`.
    target (str | Path | list[str] | None): The files of its translations, or none.
    output (Path): The file to write.
    lang (str): The language of the texts that are written.
    attr (str): The custom attribute for translations.
    swap (bool): Whether to make texts of translations and translations of texts.
    held_out (Path | None): A file for documents drawn at random; None to write all to `output`.
    held_out_size (int): The number of documents of that file.
    silent (bool): Whether to print nothing.
    settings (Any): The other settings of `read_docs`.
    RETURNS (int): The number of documents written.
    RAISES (ValueError): If a setting is wrong, a file to write is one to read, the corpus has a
        fault whose policy is "error", a text is too long for spaCy, or annotation does not fit
        its text.
    RAISES (ImportError): If spaCy has no such language.
    RAISES (OSError): If a file cannot be read or written.
    """
    for path in (output, held_out):
        if path is not None:
            check_corpus_output(path)
    targets = [target] if isinstance(target, str | Path) else target or []
    check_outputs([output, held_out], [source, *targets])
    check_count("held_out_size", held_out_size, 1)
    if swap and not settings.get("translation", True):
        raise ValueError(
            "--swap makes texts of translations, but with --no-translation none are read: leave "
            "out one of the two"
        )
    printer = Printer(no_print=silent)
    nlp = get_lang_class(lang)()
    docs = read_docs(nlp, source, target, attr=attr, warn=printer.warn, **settings)
    if swap:
        docs = swap_sides(nlp, docs, attr)
    parts: dict[Path, Iterable[Doc]] = {output: track(docs, f"Converting {source}")}
    if held_out is not None:
        parts[output], parts[held_out] = split_docs(list(parts[output]), held_out_size)
    converted = {path: DocBin(store_user_data=True) for path in parts}
    empty = 0
    for path, part in parts.items():
        for doc in part:
            converted[path].add(doc)
            empty += not len(doc)
    for path, doc_bin in converted.items():
        replace_file(path, doc_bin.to_bytes())
    if empty:
        printer.warn(f"Documents without tokens, which spacy.Corpus.v1 leaves out: {empty}")
    for path, doc_bin in converted.items():
        printer.good(f"Documents written to {path}: {len(doc_bin)}")
    return sum(map(len, converted.values()))
