"""Translate a text: python scripts/translate.py MODEL TEXT."""

import sys
from math import exp

import spacy


def main() -> None:
    """Load the pipeline and print the translation, and how sure the model is of it."""
    model, text = sys.argv[1:]
    doc = spacy.load(model)(text)
    print(doc._.translation)
    if translations := doc._.translations:
        print(f"A typical subword has a probability of {exp(translations[0]['score']):.0%}.")


if __name__ == "__main__":
    main()
