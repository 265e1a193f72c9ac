"""Treebanks in CoNLL-U, whose words may be parts of a written one."""

import re
from collections.abc import Iterable, Iterator
from itertools import accumulate
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training.converters import conllu_to_docs

from ...checks import check_choice
from .base import ReadOptions
from .files import read_text

MERGE_SUBTOKENS = ("auto", "always", "needed")

COLUMNS = 10
ID, FORM, MISC = 0, 1, 9
"""Columns of a line."""

ENTITY_KEYS = ("NAME", "NE", "NER")
ENTITY_TAG = re.compile(r"(?:([^=]*)=)?(?:([BIELSU])-(.+)|O)")
# spaCy's converter knows the other two as these.
PREFIXES = {"E": "L", "S": "U"}

Columns = list[str]


def read_conllu(nlp: Language, path: Path, options: ReadOptions) -> Iterator[Doc]:
    """Read the sentences of a treebank.

    Their text is what was written. A word that the treebank splits (Spanish "del" into "de el",
    English "don't" into "do n't") is one token where its parts do not spell it, and where the
    tokenizer does not split it there, so that tokens are those that a pipeline sees.

    nlp (Language): The pipeline whose vocabulary the documents get, and whose tokenizer counts.
    path (Path): The file.
    options (ReadOptions): The encoding, and `merge_subtokens`.
    RETURNS (Iterator[Doc]): The sentences.
    RAISES (ValueError): If the file is malformed or damaged.
    """
    check_choice("merge_subtokens", options.merge_subtokens, MERGE_SUBTOKENS)
    labels: dict[str, str] = {}
    sentences = [
        _merge_words(nlp, sentence, options.merge_subtokens)
        for sentence in _split_sentences(read_text(path, options.encoding), path)
    ]
    for other in _rename_labels(sentences, labels):
        options.warn(
            f"{path}: {other} in the column MISC seems to hold entities, which are read from "
            f"name, NE or NER: rename it"
        )
    text = "\n\n".join("\n".join(map("\t".join, sentence)) for sentence in sentences)
    docs = conllu_to_docs(text, n_sents=1, ner_map=labels, merge_subtokens=True, no_print=True)
    # spaCy gives them a vocabulary of their own.
    return DocBin(docs=docs if sentences else ()).get_docs(nlp.vocab)


def _split_sentences(text: str, path: Path) -> Iterator[list[Columns]]:
    """Read the lines of each sentence, without comments and words that were not written."""
    sentence: list[Columns] = []
    for number, line in enumerate([*text.removeprefix("\ufeff").split("\n"), ""], 1):
        if not line.strip():
            if sentence:
                yield sentence
            sentence = []
        elif not line.startswith("#"):
            columns = line.split("\t")
            if len(columns) != COLUMNS:
                raise ValueError(
                    f"{path}, line {number}: {len(columns)} columns with tabs between them, where "
                    f"CoNLL-U has {COLUMNS}: {line[:60]!r}. Correct the line"
                )
            if "." not in columns[ID]:
                sentence.append(columns)


def _merge_words(nlp: Language, sentence: list[Columns], merge: str) -> list[Columns]:
    """Remove the lines of written words whose parts can be tokens of their own.

    nlp (Language): The pipeline whose tokenizer counts.
    sentence (list[Columns]): The lines of a sentence.
    merge (str): One of `MERGE_SUBTOKENS`.
    RETURNS (list[Columns]): The lines for spaCy's converter, which merges what remains.
    """
    lines = list(sentence)
    for line in sentence:
        first, dash, last = line[ID].partition("-")
        if not dash:
            continue
        parts = [part for part in sentence if "-" not in part[ID]][int(first) - 1 : int(last)]
        forms = [part[FORM] for part in parts]
        if "".join(forms) != line[FORM] or merge == "always":
            continue
        if merge == "auto" and not _splits(nlp, line[FORM], forms):
            continue
        lines.remove(line)
        for part in parts:
            others = [each for each in part[MISC].split("|") if each not in ("_", "SpaceAfter=No")]
            is_joined = part is not parts[-1] or "SpaceAfter=No" in line[MISC].split("|")
            part[MISC] = "|".join([*others, *["SpaceAfter=No"] * is_joined]) or "_"
    return lines


def _splits(nlp: Language, written: str, parts: Iterable[str]) -> bool:
    """Whether the tokenizer splits a written word wherever the treebank does."""
    ends = {token.idx + len(token) for token in nlp.make_doc(written)}
    return ends.issuperset(accumulate(map(len, parts)))


def _rename_labels(sentences: list[list[Columns]], labels: dict[str, str]) -> list[str]:
    """Give the entities labels that spaCy's converter reads whole: capital letters alone.

    sentences (list[list[Columns]]): The sentences, which are changed.
    labels (dict[str, str]): The labels by their new names, which are added.
    RETURNS (list[str]): Other keys of the column MISC whose values are all tags of entities.
    """
    names: dict[str, str] = {}
    others: dict[str, bool] = {}
    for line in (line for sentence in sentences for line in sentence):
        renamed = []
        for part in line[MISC].split("|"):
            match = ENTITY_TAG.fullmatch(part)
            key = part.partition("=")[0] if "=" in part else ""
            if key and key.upper() not in ENTITY_KEYS:
                others[key] = others.get(key, True) and match is not None
            elif match:
                prefix, label = match[2], match[3]
                if label:
                    name = names.setdefault(label, _letters(len(names)))
                    part = f"name={PREFIXES.get(prefix, prefix)}-{name}"
                else:
                    part = "O"
            renamed.append(part)
        line[MISC] = "|".join(renamed)
    labels.update({name: label for label, name in names.items()})
    return [key for key, are_tags in others.items() if are_tags]


def _letters(number: int) -> str:
    """Write a number in letters."""
    return "".join(chr(ord("A") + int(digit)) for digit in str(number))
