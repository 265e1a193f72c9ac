"""Translate a text: python scripts/translate.py MODEL TEXT."""

import sys

import spacy


def main() -> None:
    """Load the pipeline and print the translation."""
    model, text = sys.argv[1:]
    print(spacy.load(model)(text)._.translation)


if __name__ == "__main__":
    main()
