"""Find the anomalous lines of a log by their surprisal."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spacy.cli._util import Arg, Opt

from ..checks import check_count
from ..progress import track
from ..training.atomic import replace_file, replace_json
from ..training.readers.files import check_lines, read_lines, read_text
from .messages import fail, warn
from .models import load_language_model
from .outputs import check_outputs

if TYPE_CHECKING:
    from ..pipeline.lm.component import RecurrentLanguageModel


EXAMPLES = """
python -m spacy rnn find-anomalies training/events/model-best system.log
python -m spacy rnn find-anomalies training/events/model-best system.log \\
    --limit 50 --output anomalies.json --chart anomalies.svg
"""


def find_anomalies_cli(
    model: str = Arg(
        ..., help="Pipeline with a language model: the name of a package, or a folder"
    ),
    log: Path = Arg(..., help="Log: lines of text in chronological order", exists=True),
    known: Path | None = Opt(
        None,
        "--known",
        "-k",
        help="JSON file of known anomalies to mark: reasons by line number, from 1",
        exists=True,
    ),
    limit: int = Opt(12, "--limit", "-n", help="Number of lines to show"),
    output: Path | None = Opt(None, "--output", "-o", help="JSON file for these lines"),
    chart: Path | None = Opt(None, "--chart", "-c", help="SVG file for a chart of all lines"),
    encoding: str = Opt("utf8", "--encoding", help="Encoding of the log"),
    on_invalid_utf8: str = Opt(
        "replace",
        "--on-invalid-utf8",
        help="If bytes are not UTF-8: error, replace (by U+FFFD), skip (read an empty line)",
    ),
    component: str | None = Opt(None, "--component", help="Language model, if there are several"),
    gpu_id: int = Opt(-1, "--gpu-id", "-g", help="GPU to use, -1 for the CPU"),
) -> None:
    """Find the lines of a log that a language model finds most surprising.

    The log is read line by line, as a stream. Each line is printed with its
    surprisal in bits.
    """
    try:
        check_count("limit", limit, 1)
        check_outputs([output, chart], [model, log, known])
        language_model = load_language_model(model, component, gpu_id)
        lines = list(
            check_lines(read_lines(log, encoding), str(log), encoding, on_invalid_utf8, warn=warn)
        )
        anomalies = read_known(known) if known else {}
        bits = surprisals(language_model, lines)
        found = rank(lines, bits, anomalies, limit)
        for line in found["most_surprising"]:
            mark = f"  <- {line['anomaly']}" if line["anomaly"] else ""
            print(f"{line['bits']:6.1f}  {line['text']}{mark}")
        if output is not None:
            replace_json(output, found)
        if chart is not None:
            from ..report.charts.surprisal import render_surprisal

            picture = render_surprisal(
                bits, {number - 1: reason for number, reason in anomalies.items()}
            )
            replace_file(chart, picture.encode("utf8"))
    except (OSError, ValueError) as error:
        fail("Could not find anomalies", error)


def read_known(path: Path) -> dict[int, str]:
    """Read known anomalies.

    path (Path): A file of JSON.
    RETURNS (dict[int, str]): Why a line is an anomaly, by its number from 1.
    RAISES (ValueError): If the file holds anything else.
    """
    try:
        reasons = json.loads(read_text(path))
        return {int(number): str(reason) for number, reason in reasons.items()}
    except (AttributeError, ValueError) as error:
        raise ValueError(
            f"{path} holds no known anomalies ({error}): write an object of JSON with reasons by "
            f'line number, such as {{"17": "disk failure"}}'
        ) from error


def surprisals(language_model: "RecurrentLanguageModel", lines: list[str]) -> list[float]:
    """Read lines by a stream.

    language_model (RecurrentLanguageModel): The language model.
    lines (list[str]): The lines.
    RETURNS (list[float]): The surprisal of each line with its end, in bits.
    """
    with language_model.stream() as stream:
        read = track(lines, "Reading lines", len(lines), "lines")
        return [stream.feed(line) + stream.end() for line in read]


def rank(
    lines: list[str], bits: list[float], anomalies: dict[int, str], limit: int
) -> dict[str, Any]:
    """Rank lines by their surprisal.

    lines (list[str]): The lines.
    bits (list[float]): The surprisal of each.
    anomalies (dict[int, str]): Why a line is known to be an anomaly, by its number from 1.
    limit (int): How many lines to list.
    RETURNS (dict[str, Any]): The number of "lines" and "known_anomalies"; "r_precision", the share
        of known anomalies among as many most surprising lines, None where none is known; and
        "most_surprising", each with "line", "bits", "text" and "anomaly", the reason if it is
        known.
    """
    ranked = sorted(range(len(lines)), key=lambda index: -bits[index])
    hits = sum(index + 1 in anomalies for index in ranked[: len(anomalies)])
    return {
        "lines": len(lines),
        "known_anomalies": len(anomalies),
        "r_precision": hits / len(anomalies) if anomalies else None,
        "most_surprising": [
            {
                "line": index + 1,
                "bits": round(bits[index], 2),
                "text": lines[index],
                "anomaly": anomalies.get(index + 1),
            }
            for index in ranked[:limit]
        ],
    }
