"""Translate lines."""

import sys
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import Any

from spacy.cli._util import Arg, Opt
from wasabi import Printer

from ..checks import check_count
from ..training.readers.files import check_lines, decode_lines
from .models import load_translator


def translate_cli(
    model: str = Arg(..., help="Pipeline with a translator: a package or a folder"),
    component: str | None = Opt(None, "--component", help="Translator, if there are several"),
    beam_width: int | None = Opt(None, "--beam-width", "-w", help="Sequences side by side"),
    n_best: int = Opt(1, "--n-best", "-n", help="Translations of each line"),
    batch_size: int = Opt(256, "--batch-size", "-b", help="Lines to read ahead"),
    encoding: str = Opt("utf8", "--encoding", help="Encoding of the lines"),
    on_invalid_utf8: str = Opt(
        "replace",
        "--on-invalid-utf8",
        help="On other bytes: replace, error, skip (translate an empty line)",
    ),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Translate lines from standard input to standard output, one line each.

    Empty lines stay, a byte order mark does not. With --n-best above 1, each
    translation is a line of the line's number from 0, the text and its score,
    with ||| between them.
    """
    try:
        check_count("n_best", n_best, 1)
        check_count("batch_size", batch_size, 1)
        nlp, translator = load_translator(model, component, gpu_id)
        settings: dict[str, Any] = {}
        if n_best != getattr(translator.search, "n_best", 1):
            settings["n_best"] = n_best
        width = getattr(translator.search, "beam_width", None)
        if beam_width is not None:
            settings["beam_width"] = beam_width
        elif width is not None and width < n_best:
            settings["beam_width"] = n_best
        source = check_lines(
            decode_lines(sys.stdin.buffer, "Standard input", encoding),
            "Standard input",
            encoding,
            on_invalid_utf8,
            warn=_warn,
        )
        target = TextIOWrapper(sys.stdout.buffer, "utf8", newline="\n", line_buffering=False)
        docs = nlp.pipe(
            show_progress(source), batch_size=batch_size, component_cfg={translator.name: settings}
        )
        for number, doc in enumerate(docs):
            for text in format_lines(number, doc._.get(f"{translator.attr}s"), n_best):
                target.write(text + "\n")
        target.flush()
    except (OSError, ValueError) as error:
        # Standard output is for translations alone.
        print(Printer(no_print=True).fail("Could not translate", str(error)), file=sys.stderr)
        sys.exit(1)


def _warn(message: str) -> None:
    print(Printer(no_print=True).warn(message), file=sys.stderr)


def format_lines(number: int, translations: list[dict], n_best: int) -> Iterator[str]:
    """Write the translations of a line as lines.

    number (int): The line's number from 0.
    translations (list[dict]): Its translations, the best first.
    n_best (int): How many were asked for.
    YIELDS (str): A line each. Line ends within a translation become spaces.
    """
    for translation in translations[:n_best]:
        text = " ".join(translation["text"].splitlines())
        yield f"{number} ||| {text} ||| {translation['score']:.4f}" if n_best > 1 else text


def show_progress(lines: Iterable[str]) -> Iterable[str]:
    """Show how many lines were read, on standard error, where it is a terminal.

    lines (Iterable[str]): The lines.
    RETURNS (Iterable[str]): The same lines.
    """
    from tqdm import tqdm

    return tqdm(lines, unit=" lines", file=sys.stderr, disable=not sys.stderr.isatty())
