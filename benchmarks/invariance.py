"""Count what batches, order and threads change in translations.

    python benchmarks/invariance.py training/multi30k/model-best test.en

Translates the same sentences in batches of 64, alone, shuffled, with reading ahead, and in two
threads, in each precision. Prints for each way how many texts, and how many lists of scores,
differ from those in batches of 64, the scores to the last bit, and the largest difference.
"""

import argparse
import random
from pathlib import Path

import spacy
import torch
from spacy.language import Language

from spacy_rnn.bridge.access import network_shim

NAME = "rnn_translator"
PRECISIONS = ("float32", "bfloat16", "int8")
Found = tuple[str, list[float]]


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("model", help="a trained pipeline")
    parser.add_argument("texts", type=Path, help="what to translate, a sentence in each line")
    parser.add_argument("--limit", type=int, default=1000, help="sentences to translate")
    parser.add_argument("--beam", type=int, default=1, help="the beam width")
    parser.add_argument("--precisions", nargs="+", default=PRECISIONS, choices=PRECISIONS)
    args = parser.parse_args()
    torch.set_num_threads(1)
    nlp = spacy.load(args.model)
    texts = args.texts.read_text(encoding="utf8").splitlines()[: args.limit]
    for precision in args.precisions:
        set_precision(nlp, precision)
        expected = translate(nlp, texts, args.beam, 64)
        for name, found in translate_in_ways(nlp, texts, args.beam):
            different, scores, most = compare(found, expected)
            print(
                f"{precision:8}  {name:11}  {different} different texts, {scores} different "
                f"scores, at most {most:.1e} apart, of {len(texts)}"
            )


def set_precision(nlp: Language, precision: str) -> None:
    """Have the translator compute in a precision, if the processor does."""
    translator = nlp.get_pipe(NAME)
    translator.int8 = precision == "int8"
    network_shim(translator.model).mixed_precision = precision != "float32"


def translate_in_ways(nlp: Language, texts: list[str], beam: int) -> list[tuple[str, list[Found]]]:
    """Translate texts in several ways, each by its name."""
    order = list(range(len(texts)))
    random.Random(0).shuffle(order)
    shuffled = translate(nlp, [texts[index] for index in order], beam, 64)
    by_index = dict(zip(order, shuffled, strict=True))
    return [
        ("alone", translate(nlp, texts, beam, 1)),
        ("shuffled", [by_index[index] for index in range(len(texts))]),
        ("read ahead", translate(nlp, texts, beam, 64, read_ahead=len(texts))),
        ("two threads", translate(nlp, texts, beam, 64, threads=2)),
    ]


def translate(
    nlp: Language, texts: list[str], beam: int, batch_size: int, **settings: int
) -> list[Found]:
    """Return translations with the scores of their pieces."""
    settings = {"threads": 1, **settings, "beam_width": beam}
    docs = nlp.pipe(texts, batch_size=batch_size, component_cfg={NAME: settings})
    return [(doc._.translation, doc._.translations[0]["piece_scores"]) for doc in docs]


def compare(found: list[Found], expected: list[Found]) -> tuple[int, int, float]:
    """Count different texts and scores, and find the largest difference of scores of one text."""
    texts = sum(one[0] != other[0] for one, other in zip(found, expected, strict=True))
    scores = sum(one[1] != other[1] for one, other in zip(found, expected, strict=True))
    apart = [
        abs(score - other_score)
        for one, other in zip(found, expected, strict=True)
        if len(one[1]) == len(other[1])
        for score, other_score in zip(one[1], other[1], strict=True)
    ]
    return texts, scores, max(apart, default=0.0)


if __name__ == "__main__":
    main()
