"""Translate lines."""

import sys
from collections.abc import Iterable, Iterator
from io import BytesIO, TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from spacy.cli._util import Arg, Opt
from spacy.tokens import Doc
from wasabi import table

from ..checks import check_count
from ..progress import track
from ..training.readers.base import LineReader, RecordReader
from ..training.readers.files import check_lines, decode_lines
from ..training.readers.pairs import open_texts
from ..training.readers.registry import list_formats
from .fill import fill_file, find_file_reader, open_file, refuse_options, report_filled
from .glossary import add_glossary
from .markup import check_markup, translate_document
from .messages import fail, unquote, warn
from .models import join_ensemble, load_translator, search_settings
from .outputs import check_outputs, write_output

if TYPE_CHECKING:
    from ..pipeline.translator.component import RecurrentTranslator

WIDEST = 60
"""Characters that a column of a table is padded to at most."""


EXAMPLES = """
python -m spacy rnn translate training/model-best < lines.en > lines.de
python -m spacy rnn translate training/model-best lines.tsv --table -n 10
python -m spacy rnn translate training/model-best app.po -o app.de.po
python -m spacy rnn translate training/model-best --glossary terms.tsv < a.txt
python -m spacy rnn translate training/model-best -t "Where is the bank?"
python -m spacy rnn translate training/model-best a.html -m html -o b.html
"""


def translate_cli(
    model: str = Arg(..., help="Pipeline with a translator: the name of a package, or a folder"),
    source: str | None = Arg(
        None,
        help="File to translate: lines of text, or records in a format that convert reads; "
        "standard input by default",
    ),
    text: list[str] | None = Opt(
        None, "--text", "-t", help="Text to translate in place of a file; repeat for several"
    ),
    as_table: bool = Opt(False, "--table", help="Print texts, translations and scores in columns"),
    limit: int = Opt(0, "--limit", "-n", help="Maximum number of texts, 0 for all"),
    component: str | None = Opt(None, "--component", help="Translator, if there are several"),
    ensemble: list[str] | None = Opt(
        None,
        "--ensemble",
        "-e",
        help="Another pipeline that translates together with the first; repeat for several",
    ),
    output: Path | None = Opt(
        None, "--output", "-o", help="File to write, instead of standard output"
    ),
    source_lang: str | None = Opt(
        None,
        "--source-lang",
        help="Language of the texts in a file to fill, instead of that of the pipeline",
    ),
    target_lang: str | None = Opt(
        None,
        "--target-lang",
        help="Language of translations in a file to fill, instead of the translator's trg_lang",
    ),
    overwrite: bool = Opt(
        False,
        "--overwrite",
        help="Translate again what has a translation in a file to fill, unless it is approved",
    ),
    glossary: Path | None = Opt(
        None,
        "--glossary",
        help="File of two columns, source words and the words that they are translated by: "
        "bank<TAB>Ufer, bank<TAB>Ufer|Flussufer or, never to be written, bank<TAB>!Bank",
    ),
    translate_all: bool = Opt(
        False,
        "--translate-all",
        help="Translate URLs, e-mail addresses, code in backticks and placeholders as well, which "
        "stay as they are otherwise",
    ),
    beam_width: int | None = Opt(
        None, "--beam-width", "-w", help="Beam width, instead of the translator's own"
    ),
    n_best: int = Opt(1, "--n-best", help="Number of translations of each text"),
    batch_size: int = Opt(
        1000, "--batch-size", "-b", help="Number of texts to read ahead and sort by length"
    ),
    threads: int | None = Opt(
        None, "--threads", help="Batches to translate at once, instead of the translator's own"
    ),
    detail: str | None = Opt(
        None,
        "--detail",
        help="What to compute: text, scores or alignments, which say what is left out; less is "
        "faster. The translator's own by default",
    ),
    format: str | None = Opt(
        None,
        "--format",
        "-f",
        help=f"Format, if not that of the suffix: {list_formats(LineReader)}, "
        f"{list_formats(RecordReader)}",
    ),
    markup: str | None = Opt(
        None,
        "--markup",
        "-m",
        help="Translate a document with mark-up, not lines: html, xml",
    ),
    attributes: list[str] | None = Opt(
        None,
        "--attribute",
        "-a",
        help="Attribute whose values are translated too, with --markup: alt, title, placeholder; "
        "repeat for several",
    ),
    encoding: str | None = Opt(
        None,
        "--encoding",
        help="Encoding of text files and standard input: UTF-8 by default, or what a document "
        "with mark-up declares",
    ),
    on_invalid_utf8: str = Opt(
        "replace",
        "--on-invalid-utf8",
        help="If bytes are not UTF-8: error, replace (by U+FFFD), skip (translate an empty line)",
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Translate a file, standard input or single texts.

    Writes one line for each text, also for empty ones. With --n-best, a line
    is the number of the text from 0, a translation and its score, with |||
    between them. The score is a log-probability: the closer to 0, the more
    certain.

    Files of translators (XLIFF, TMX, PO) are filled: what has no translation
    gets one, marked for review, and all else stays as it is. With --markup, a
    document comes back with its texts translated, and its tags around the
    words that they were around.
    """
    from ..pipeline.translator.keep import NO_LANGUAGE

    try:
        check_count("n_best", n_best, 1)
        check_count("batch_size", batch_size, 1)
        check_count("limit", limit, 0)
        source = None if source is None else unquote(source)
        check_outputs([output], [model, *(ensemble or []), source])
        reader = None if text or markup is not None else find_file_reader(source, format)
        for_lines = {"--table": as_table, "--limit": limit, "--n-best": n_best > 1}
        if reader is None:
            for_files = {
                "--source-lang": source_lang,
                "--target-lang": target_lang,
                "--overwrite": overwrite,
            }
            refuse_options("is for files of translators, such as XLIFF", for_files)
        if markup is not None:
            check_markup(markup)
            others = {"--text": text, "--detail": detail, "--format": format}
            refuse_options("does not go with --markup", for_lines | others)
        else:
            refuse_options("needs --markup", {"--attribute": attributes})
        if reader is not None:
            refuse_options("does not go with a file that is filled", for_lines)
            file = open_file(reader, source)
        elif markup is None:
            name, numbered = open_source(source, text or [], format, encoding or "utf8")
        nlp, translator = load_translator(model, component, gpu_id)
        join_ensemble(translator, ensemble or [], gpu_id)
        settings = search_settings(translator, n_best, beam_width)
        settings |= _settings_of(translator, detail, needs_scores=as_table or n_best > 1)
        if threads is not None:
            settings["threads"] = threads
        if not translate_all:
            settings["keep"] = [*dict.fromkeys([*NO_LANGUAGE, *translator.keep])]
        if glossary is not None:
            add_glossary(nlp, translator, glossary)
        if reader is not None:
            data, filled, kept = fill_file(
                nlp,
                translator,
                file,
                source_lang=source_lang,
                target_lang=target_lang,
                overwrite=overwrite,
                batch_size=batch_size,
                settings=settings,
            )
            write_output(data, output)
            report_filled(filled, kept)
            return
        if markup is not None:
            document = translate_document(
                nlp,
                translator,
                source,
                markup,
                attributes=attributes or [],
                encoding=encoding,
                batch_size=batch_size,
                settings=settings,
            )
            write_output(document, output)
            return
        # Whoever types lines does not wait for others.
        is_typed = not (source or text) and sys.stdin.isatty()
        lines = check_lines(numbered, name, encoding or "utf8", on_invalid_utf8, warn=warn)
        if is_typed:
            batch_size = 1
            settings["read_ahead"] = 0
        docs = nlp.pipe(
            islice(lines, limit or None),
            batch_size=batch_size,
            component_cfg={translator.name: settings},
        )
        written = BytesIO()
        stream = sys.stdout.buffer if output is None else written
        target = TextIOWrapper(stream, "utf8", newline="\n", line_buffering=is_typed)
        if as_table or not sys.stdout.isatty():  # Where lines would run into a bar.
            docs = track(docs, "Translating", unit="lines")
        if as_table:
            target.write(format_table(docs, translator.attr, n_best))
        else:
            write_lines(docs, translator.attr, n_best, target)
        target.flush()
        if output is not None:
            write_output(written.getvalue(), output)
    except BrokenPipeError:
        raise  # Whoever reads the lines has enough of them.
    except (OSError, ValueError) as error:
        fail("Could not translate", error)


def _settings_of(
    translator: "RecurrentTranslator", detail: str | None, needs_scores: bool
) -> dict[str, Any]:
    """Return the settings of the translator for this detail."""
    if needs_scores and detail == "text":
        raise ValueError(
            "--detail is text, but --table and --n-best show scores: set it to scores, or leave "
            "it out"
        )
    if needs_scores and detail is None and translator.detail == "text":
        detail = "scores"
    return {} if detail is None else {"detail": detail}


def open_source(
    source: str | None, texts: list[str], format: str | None = None, encoding: str = "utf8"
) -> tuple[str, Iterator[tuple[int, str]]]:
    """Open what is to be translated.

    source (str | None): A file; None for the texts, or without any for standard input.
    texts (list[str]): Texts that were given as they are.
    format (str | None): The format of the file; None for that of its suffix.
    encoding (str): The encoding of the file or of standard input.
    RETURNS (tuple[str, Iterator[tuple[int, str]]]): What it is called in messages; and texts with
        their numbers from 1, in which bytes that cannot be decoded are lone surrogates.
    RAISES (ValueError): If there is no such file, or there are texts as well.
    """
    if texts:
        if source is not None:
            raise ValueError(
                f"Both --text and the file {source} are to be translated: leave one of the two out"
            )
        return "--text", iter(enumerate(texts, 1))
    if source is None:
        name = "Standard input"
        return name, decode_lines(sys.stdin.buffer, name, encoding)
    read = open_texts(source, format=format, encoding=encoding)

    def number() -> Iterator[tuple[int, str]]:
        for pair in read():
            (text,) = pair.sides
            if text is None:
                raise ValueError(f"{source}, line {pair.number}: {pair.fault}")
            yield pair.number, text

    return source, number()


def write_lines(docs: Iterable[Doc], attr: str, n_best: int, target: TextIO) -> None:
    """Write translations as lines, as soon as they are there.

    docs (Iterable[Doc]): The translated documents.
    attr (str): The custom attribute that holds translations.
    n_best (int): How many of each document were asked for.
    target (TextIO): Where to write.
    """
    for number, doc in enumerate(docs):
        for text in format_lines(number, doc._.get(f"{attr}s"), n_best):
            target.write(text + "\n")


def format_lines(number: int, translations: list[dict], n_best: int) -> Iterator[str]:
    """Write the translations of a line as lines.

    number (int): The line's number from 0.
    translations (list[dict]): Its translations, the best first.
    n_best (int): How many were asked for.
    YIELDS (str): A line each. Line ends within a translation become spaces.
    """
    for translation in translations[:n_best]:
        text = _on_one_line(translation["text"])
        yield f"{number} ||| {text} ||| {translation['score']:.4f}" if n_best > 1 else text


def format_table(docs: Iterable[Doc], attr: str, n_best: int) -> str:
    """Write texts, their translations and scores in columns.

    docs (Iterable[Doc]): The translated documents.
    attr (str): The custom attribute that holds translations.
    n_best (int): How many of each document were asked for.
    RETURNS (str): The table. A text stands in the row of its best translation.
    """
    rows = []
    for doc in docs:
        for place, translation in enumerate(doc._.get(f"{attr}s")[:n_best]):
            # Tabs would shift the columns.
            source = "" if place else _on_one_line(doc.text).replace("\t", " ")
            target = _on_one_line(translation["text"]).replace("\t", " ")
            rows.append((source, target, f"{translation['score']:.2f}"))
    header = ("Text", "Translation", "Score")
    return table(rows, header, divider=True, max_col=WIDEST, aligns=("l", "l", "r"))


def _on_one_line(text: str) -> str:
    return " ".join(text.splitlines())
