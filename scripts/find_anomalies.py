"""Find the odd lines of an event log by how much they surprise a language model.

The log is read as it would come, line by line, by a stream. What is written, as OUTPUT.json and
OUTPUT.svg, are the most surprising lines, with the bits of each, and a picture of all. Lines that
are known to be odd, in a file `.odd.json` beside the log, are marked.
"""

import json
from pathlib import Path

import spacy
import typer

from spacy_rnn.report.charts.surprisal import render_surprises


def main(model: Path, log: Path, output: Path, most: int = 12) -> None:
    lines = log.read_text(encoding="utf8").splitlines()
    marks = log.with_suffix(".odd.json")
    odd = json.loads(marks.read_text(encoding="utf8")) if marks.is_file() else {}
    component = spacy.load(model).get_pipe("rnn_lm")
    with component.stream() as stream:
        bits = [stream.feed(line) + stream.end() for line in lines]
    ranked = sorted(range(len(lines)), key=lambda index: -bits[index])[:most]
    found = sum(str(index + 1) in odd for index in ranked[: len(odd)])
    report = {
        "lines": len(lines),
        "odd": len(odd),
        "odd_among_as_many_most_surprising": found,
        "most_surprising": [
            {
                "line": index + 1,
                "bits": round(bits[index], 2),
                "text": lines[index],
                "odd": odd.get(str(index + 1)),
            }
            for index in ranked
        ],
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1, ensure_ascii=False) + "\n"
    output.with_suffix(".json").write_text(text, encoding="utf8", newline="\n")
    picture = render_surprises(bits, {int(line) - 1: reason for line, reason in odd.items()})
    output.with_suffix(".svg").write_text(picture, encoding="utf8", newline="\n")
    for each in report["most_surprising"]:
        mark = f"  <- {each['odd']}" if each["odd"] else ""
        print(f"{each['bits']:6.1f}  {each['text']}{mark}")


if __name__ == "__main__":
    typer.run(main)
