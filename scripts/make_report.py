"""Write the report of a training, and its pictures, into a folder.

METRICS are the scores of `spacy rnn evaluate --output`, LOG is the file of the console logger
and SAMPLES a list of translations, each with "source", "translation", "references",
"score" and "alignment".
"""

import json
from pathlib import Path

import typer

from spacy_rnn.report.charts.curves import render_learning_curve
from spacy_rnn.report.report import find_attention, make_report


def main(metrics: Path, log: Path, samples: Path, output: Path) -> None:
    scores = json.loads(metrics.read_text(encoding="utf8"))
    lines = log.read_text(encoding="utf8").splitlines()
    rows = [json.loads(line) for line in lines if line.strip()]
    translations = json.loads(samples.read_text(encoding="utf8"))
    markdown, page = make_report(scores, rows, translations)
    files = {
        "report.md": markdown,
        "report.html": page,
        "learning_curve.svg": render_learning_curve(rows),
        "attention.svg": find_attention(translations),
    }
    output.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        if text is None:
            # Or a picture of an earlier report would lie beside this one.
            (output / name).unlink(missing_ok=True)
        else:
            (output / name).write_text(text, encoding="utf8", newline="\n")


if __name__ == "__main__":
    typer.run(main)
