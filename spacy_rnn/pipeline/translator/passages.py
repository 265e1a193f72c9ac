"""Passages of a document: what is translated, and the white space between."""

from dataclasses import dataclass

from spacy.tokens import Doc


@dataclass(frozen=True)
class Passage:
    """Segment of a document that is translated as one, with the white space around it.

    source (Doc): Its tokens, without white space at its ends.
    document (int): The index of its document.
    first_token (int): The index of its first token in the document.
    first_character (int): The index of its first character in the document.
    before (str): The white space before the first passage of a document, else "".
    after (str): The white space up to the next passage or the end of the document.
    """

    source: Doc
    document: int
    first_token: int
    first_character: int
    before: str
    after: str


def split_passages(docs: list[Doc]) -> list[Passage]:
    """Split documents into passages: sentences if these are set, else the whole document.

    docs (list[Doc]): The documents.
    RETURNS (list[Passage]): Their passages, in order. Documents of white space alone have none.
    """
    return [passage for number, doc in enumerate(docs) for passage in _split(doc, number)]


def _split(doc: Doc, number: int) -> list[Passage]:
    sentences = [(0, len(doc))]
    if doc.to_array("SENT_START")[1:].any():
        sentences = [(sentence.start, sentence.end) for sentence in doc.sents]
    stripped = [_strip(doc, start, end) for start, end in sentences]
    bounds = [(start, end) for start, end in stripped if start < end]
    passages = []
    for index, (start, end) in enumerate(bounds):
        whole = (start, end) == (0, len(doc))
        first_character, last_token = doc[start].idx, doc[end - 1]
        end_character = last_token.idx + len(last_token)
        is_last = index + 1 == len(bounds)
        next_character = len(doc.text) if is_last else doc[bounds[index + 1][0]].idx
        passages.append(
            Passage(
                source=doc if whole else doc[start:end].as_doc(),
                document=number,
                first_token=start,
                first_character=first_character,
                before=doc.text[:first_character] if index == 0 else "",
                after=doc.text[end_character:next_character],
            )
        )
    return passages


def _strip(doc: Doc, start: int, end: int) -> tuple[int, int]:
    """Strip tokens of white space off both ends."""
    while start < end and doc[start].is_space:
        start += 1
    while end > start and doc[end - 1].is_space:
        end -= 1
    return start, end
