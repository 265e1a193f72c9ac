"""Write corpora in spaCy's binary format."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from spacy.cli._util import Arg, Opt
from spacy.tokens import Doc, DocBin
from spacy.util import get_lang_class
from wasabi import Printer, msg

from ..checks import check_count
from ..progress import track
from ..training.atomic import replace_file
from ..training.examples import read_docs, split_docs
from ..training.readers.registry import list_formats


def convert_cli(
    paths: list[str] = Arg(
        ...,
        metavar="SOURCE [TARGET]... OUTPUT",
        help="Source, files of its translations if they are lines of text, .spacy file to write",
    ),
    format: str | None = Opt(
        None, "--format", "-f", help=f"Format, if not that of the suffix: {list_formats()}"
    ),
    lang: str = Opt("en", "--lang", "-l", help="Language of the source"),
    encoding: str = Opt("utf8", "--encoding", help="Encoding of text files"),
    limit: int = Opt(0, "--limit", "-n", help="Documents to stop after (0 for none)"),
    source_field: str | None = Opt(
        None, "--source-field", help="Column of the text: a name, or in tables a number from 0"
    ),
    target_field: list[str] | None = Opt(
        None, "--target-field", help="Column of the translation; repeat for several references"
    ),
    label_field: str | None = Opt(
        None,
        "--label-field",
        help="Column of the class, by default intent (label of labelled lines)",
    ),
    translation: bool = Opt(
        True, "--translation/--no-translation", help="Whether texts have a translation"
    ),
    annotation: bool = Opt(
        True,
        "--annotation/--no-annotation",
        help="Read columns of these names: tokens, tags, entities, and that of the class",
    ),
    attr: str = Opt("translation", "--attr", help="Custom attribute for the translation"),
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
    on_conflict: str = Opt(
        "error",
        "--on-conflict",
        help="On a BIO tag I- that continues no entity: error, repair (read it as B-)",
    ),
    merge_subtokens: str = Opt(
        "auto",
        "--merge-subtokens",
        help="Words that CoNLL-U splits and that become one token: needed (the parts do not "
        "spell it), auto (or the tokenizer does not split it), always",
    ),
    split: str | None = Opt(
        None, "--split", help="Split of the data set whose name is the source"
    ),
    subset: str | None = Opt(
        None, "--subset", help="Configuration of a data set that has several"
    ),
    held_out: str | None = Opt(
        None,
        "--held-out",
        help="Another .spacy file, for documents drawn at random (the same at every run)",
    ),
    held_out_size: int = Opt(500, "--held-out-size", help="Documents of that file"),
) -> None:
    """Convert a corpus to a .spacy file for the train command.

    Reads text and its translation, texts alone (--no-translation), records
    with annotation, labelled lines, BIO tags or CoNLL-U, each perhaps
    compressed as .gz, or a data set on the Hugging Face hub. Options that do
    not apply to the format are ignored if they have a default.
    """
    # On Windows the commands of a spaCy project arrive with the quotes around their arguments.
    paths = [path.strip('"') for path in paths]
    if len(paths) < 2:
        msg.fail(f"Only {paths[0]!r} is given: name the .spacy file to write last", exits=1)
    source, *targets, output = paths
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
            max_length=max_length,
            on_misaligned=on_misaligned,
            on_invalid_utf8=on_invalid_utf8,
            on_empty=on_empty,
            on_too_long=on_too_long,
            on_conflict=on_conflict,
            merge_subtokens=merge_subtokens,
            split=split,
            subset=subset,
            held_out=None if held_out is None else Path(held_out.strip('"')),
            held_out_size=held_out_size,
            silent=False,
        )
    except (ImportError, OSError, ValueError) as error:
        msg.fail(f"{source} was not converted", str(error), exits=1)


def convert(
    source: str | Path,
    target: str | Path | list[str] | None,
    output: Path,
    *,
    lang: str = "en",
    held_out: Path | None = None,
    held_out_size: int = 500,
    silent: bool = True,
    **settings: Any,
) -> int:
    """Write a corpus to a .spacy file.

    source (str | Path): The corpus, as for `read_docs`.
    target (str | Path | list[str] | None): The files of its translations, or none.
    output (Path): The file to write.
    lang (str): The language of the source.
    held_out (Path | None): A file for documents drawn at random; None to write all to `output`.
    held_out_size (int): The number of documents of that file.
    silent (bool): Whether to print nothing.
    settings (Any): The other settings of `read_docs`.
    RETURNS (int): The number of documents written.
    RAISES (ValueError): If a setting is wrong, the corpus has a fault whose policy is "error", a
        text is too long for spaCy, or annotation does not fit its text.
    RAISES (ImportError): If spaCy has no such language.
    RAISES (OSError): If a file cannot be read or written.
    """
    for path in (output, held_out):
        if path is not None and path.suffix != ".spacy":
            raise ValueError(
                f"{str(path)!r} does not end with .spacy: name the file to write last"
            )
    check_count("held_out_size", held_out_size, 1)
    printer = Printer(no_print=silent)
    nlp = get_lang_class(lang)()
    docs = read_docs(nlp, source, target, warn=printer.warn, **settings)
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
