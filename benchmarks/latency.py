"""Time single sentences and batches of translators, in turns, on one thread.

    python benchmarks/latency.py test.en training/multi30k/model-best another/model-best

Prints for each model and beam the median and the 95th percentile of the time of a sentence alone,
and the words of the source that are translated in a second, alone and in batches, from raw text to
`doc._.translation`. Models take turns sentence by sentence and batch by batch; of each the best of
the rounds counts, so that other work of the machine disturbs little.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import spacy
import torch
from spacy.language import Language

NAME = "rnn_translator"


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("texts", type=Path, help="what to translate, a sentence in each line")
    parser.add_argument("models", nargs="+", help="trained pipelines")
    parser.add_argument("--limit", type=int, default=1000, help="sentences to translate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--beams", type=int, nargs="+", default=[1, 5], help="beam widths")
    parser.add_argument("--batch-size", type=int, default=64, help="sentences of a batch")
    parser.add_argument("--detail", default="text", help="text, scores or alignments")
    parser.add_argument(
        "--int8",
        action=argparse.BooleanOptionalAction,
        help="translate in 8-bit integers or not, whatever the pipelines are set to",
    )
    parser.add_argument("--json", action="store_true", help="print JSON and no table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    texts = args.texts.read_text(encoding="utf8").splitlines()[: args.limit]
    pipelines = [spacy.load(model) for model in args.models]
    if args.int8 is not None:
        for nlp in pipelines:
            nlp.get_pipe(NAME).int8 = args.int8
    rows = []
    for beam_width in args.beams:
        settings = {"beam_width": beam_width, "detail": args.detail}
        alone = measure(pipelines, [[text] for text in texts], settings, args.rounds)
        size = args.batch_size
        batches = [texts[first : first + size] for first in range(0, len(texts), size)]
        together = measure(pipelines, batches, settings, args.rounds)
        words = sum(len(text.split()) for text in texts)
        for number, model in enumerate(args.models):
            rows.append(
                {
                    "model": model,
                    "beam": beam_width,
                    "p50 ms": 1000 * float(np.percentile(alone[number], 50)),
                    "p95 ms": 1000 * float(np.percentile(alone[number], 95)),
                    "words/s alone": words / float(alone[number].sum()),
                    f"words/s at {size}": words / float(together[number].sum()),
                }
            )
    print(json.dumps(rows, indent=2) if args.json else format_rows(rows))


def measure(
    pipelines: list[Language], batches: list[list[str]], settings: dict, rounds: int
) -> np.ndarray:
    """Return the least seconds of each pipeline for each batch, `(pipelines, batches)`."""
    seconds = np.full((len(pipelines), len(batches)), np.inf)
    for each in range(-1, rounds):  # The first round warms up.
        for place, batch in enumerate(batches if each >= 0 else batches[:3]):
            for number, nlp in enumerate(pipelines):
                started = time.perf_counter()
                docs = nlp.pipe(batch, batch_size=len(batch), component_cfg={NAME: {**settings}})
                for doc in docs:
                    assert isinstance(doc._.translation, str)
                taken = time.perf_counter() - started
                if each >= 0:
                    seconds[number, place] = min(seconds[number, place], taken)
    return seconds


def format_rows(rows: list[dict]) -> str:
    """Return rows as a table in Markdown."""
    names = list(rows[0])
    lines = [names, ["---"] * len(names)]
    lines += [
        [f"{value:,.1f}" if isinstance(value, float) else str(value) for value in row.values()]
        for row in rows
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    main()
