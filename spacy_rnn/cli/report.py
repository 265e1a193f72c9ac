"""Write the report of a training."""

import json
from pathlib import Path
from typing import Any

from spacy.cli._util import Arg, Opt
from wasabi import msg

from ..training.atomic import replace_file
from ..training.readers.files import read_lines, read_text
from .messages import fail
from .outputs import check_outputs

EXAMPLES = """
python -m spacy rnn evaluate training/model-best test.spacy \\
    --output scores.json --samples samples.json
python -m spacy rnn report scores.json training/log.jsonl out -s samples.json
"""


def report_cli(
    metrics: Path = Arg(..., help="Scores: the file of evaluate --output", exists=True),
    log: Path = Arg(..., help="Log of the training: the log_path of its logger", exists=True),
    output: Path = Arg(..., help="Folder for the report and its pictures", file_okay=False),
    samples: Path | None = Opt(
        None, "--samples", "-s", help="Translations: the file of evaluate --samples", exists=True
    ),
    title: str = Opt("Training report", "--title", "-t", help="Heading of the report"),
) -> None:
    """Write a report on a training, as HTML and as Markdown.

    It shows the scores and the learning curve and, for a translator, sample
    translations and a picture of the attention.
    """
    try:
        written = report(metrics, log, output, samples, title)
    except (KeyError, OSError, TypeError, ValueError) as error:
        fail("Could not write the report", error)
    msg.good(f"Report written to {written}")


def report(
    metrics: Path,
    log: Path,
    output: Path,
    samples: Path | None = None,
    title: str = "Training report",
) -> Path:
    """Write a report and its pictures into a folder.

    metrics (Path): The scores of `spacy rnn evaluate --output`.
    log (Path): The file of the console logger.
    output (Path): The folder, which is created where there is none.
    samples (Path | None): Translations by `spacy rnn evaluate --samples`.
    title (str): The heading.
    RETURNS (Path): The page of HTML.
    RAISES (ValueError): If a file is not what it should be, or would be written over.
    """
    from ..report.charts.curves import render_learning_curve
    from ..report.writer import find_attention, make_report

    scores = _parse(read_text(metrics), metrics)
    rows = [_parse(line, log) for _, line in read_lines(log) if line.strip()]
    translations = _parse(read_text(samples), samples) if samples else []
    if not all("translation" in sample for sample in translations):
        raise ValueError(
            f"{samples} holds no translations: name the file that spacy rnn evaluate --samples "
            f"wrote for a translator, or leave it out"
        )
    markdown, page = make_report(scores, rows, translations, title=title)
    files = {
        "report.md": markdown,
        "report.html": page,
        "learning_curve.svg": render_learning_curve(rows),
        "attention.svg": find_attention(translations),
    }
    check_outputs([output / name for name in files], [metrics, log, samples])
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if text is None:
            # Or a picture of an earlier report would stay beside this one.
            (output / name).unlink(missing_ok=True)
        else:
            replace_file(output / name, text.encode("utf8"))
    return output / "report.html"


def _parse(text: str, path: Path) -> Any:
    """Parse JSON, and name the file where it is none."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise ValueError(
            f"{path} holds {text.strip()[:60]!r}, which is no JSON ({error}): name the scores, "
            f"then the log, then the folder for the report"
        ) from error
