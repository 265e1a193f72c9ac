"""Entities in two columns: a token and its BIO tag (Tjong Kim Sang and De Meulder 2003)."""

from collections.abc import Iterator
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc

from ...checks import check_choice
from .base import ReadOptions
from .files import read_text

ON_CONFLICT = ("error", "repair")

Sentence = tuple[list[str], list[str]]
"""Tokens, and the tag of each: "O", "B-" or "I-" and a label."""


def read_bio_docs(nlp: Language, path: Path, options: ReadOptions) -> Iterator[Doc]:
    """Read sentences with entities.

    nlp (Language): The pipeline whose vocabulary the documents get.
    path (Path): The file.
    options (ReadOptions): The encoding and `on_conflict`.
    YIELDS (Doc): The sentences.
    RAISES (ValueError): If a line is malformed, or a tag is in conflict and is not repaired.
    """
    sentences, repaired = read_bio(read_text(path, options.encoding), options.on_conflict)
    if repaired:
        options.warn(f"{path}: {repaired} tags I- that continued nothing were read as B-")
    return (Doc(nlp.vocab, words=words, ents=tags) for words, tags in sentences)


def read_bio(text: str, on_conflict: str = "error") -> tuple[list[Sentence], int]:
    """Read the tokens and tags of sentences.

    A tag "I-" with no entity of its label before it is in conflict with the scheme. Read as "B-"
    it begins an entity, which is how the CoNLL evaluation reads it.

    text (str): Lines of a token, a tab and a tag; lines of white space between sentences.
    on_conflict (str): "error", or "repair" to read such tags as "B-".
    RETURNS (tuple[list[Sentence], int]): The sentences, and the number of repaired tags.
    RAISES (ValueError): If a line is malformed, or a tag is in conflict and is not repaired.
    """
    check_choice("on_conflict", on_conflict, ON_CONFLICT)
    sentences: list[Sentence] = [([], [])]
    repaired = 0
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        words, tags = sentences[-1]
        if not line.strip():
            if words:
                sentences.append(([], []))
            continue
        word, tag = _split(line, number)
        if tag[:2] == "I-" and (tags or ["O"])[-1][2:] != tag[2:]:
            if on_conflict != "repair":
                raise ValueError(
                    f"Line {number}: the tag {tag} of {word!r} continues no entity. Correct it, "
                    f"or choose to repair such tags, which reads them as B-"
                )
            tag = f"B-{tag[2:]}"
            repaired += 1
        words.append(word)
        tags.append(tag)
    return [sentence for sentence in sentences if sentence[0]], repaired


def _split(line: str, number: int) -> tuple[str, str]:
    word, *tags = line.strip("\r").split("\t")
    if len(tags) != 1 or not word.strip():
        raise ValueError(f"Line {number}: {line!r} is not a token, a tab and a tag")
    prefix, _, label = tags[0].partition("-")
    if tags[0] != "O" and (prefix not in ("B", "I") or not label):
        raise ValueError(f"Line {number}: the tag {tags[0]!r} is not O, nor B- or I- and a label")
    return word, tags[0]
