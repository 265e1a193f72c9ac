"""Print the scores of a language model on texts, write them as JSON, and let it write."""

import json
from pathlib import Path

import spacy
import typer
from spacy.training import Corpus


def main(model: Path, texts: Path, output: Path) -> None:
    nlp = spacy.load(model)
    scores = {
        name: score
        for name, score in nlp.evaluate(list(Corpus(texts)(nlp))).items()
        if name.startswith("rnn_lm_")
    }
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(scores, indent=1) + "\n", encoding="utf8", newline="\n")
    for name, score in scores.items():
        print(f"{name.removeprefix('rnn_lm_')}: {score:.4g}")
    for each in nlp.get_pipe("rnn_lm").generate(num_return_sequences=5, top_p=0.9, seed=0):
        print(f"{each['score']:7.2f}  {each['text']}")


if __name__ == "__main__":
    typer.run(main)
