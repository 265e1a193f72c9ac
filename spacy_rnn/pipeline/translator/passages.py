"""Long documents sentence by sentence: what is translated, and what is kept between."""

from dataclasses import dataclass

from spacy.tokens import Doc


@dataclass(frozen=True)
class Passage:
    """A run of tokens that is translated as one, between two that are kept as they are.

    source (Doc): Its tokens, those of white space at its ends left out.
    document (int): The number of the document that it is of.
    first_token (int): Its first token there.
    first_character (int): Its first character there.
    before (str): White space before it.
    after (str): White space after it, up to the next passage.
    """

    source: Doc
    document: int
    first_token: int
    first_character: int
    before: str
    after: str


def split_passages(docs: list[Doc]) -> list[Passage]:
    """Cut documents into passages: sentences where they are set, else whole documents.

    docs (list[Doc]): The documents.
    RETURNS (list[Passage]): Their passages in order. Documents of nothing but white space
        have none.
    """
    return [passage for number, doc in enumerate(docs) for passage in _split(doc, number)]


def _split(doc: Doc, number: int) -> list[Passage]:
    bounds = [(0, len(doc))]
    if doc.to_array("SENT_START")[1:].any():
        bounds = [(sentence.start, sentence.end) for sentence in doc.sents]
    filled = [bound for bound in (_strip(doc, *each) for each in bounds) if bound]
    passages = []
    for index, (start, end) in enumerate(filled):
        whole = (start, end) == (0, len(doc))
        first, last = doc[start].idx, _end(doc, end)
        next_first = doc[filled[index + 1][0]].idx if index + 1 < len(filled) else len(doc.text)
        passages.append(
            Passage(
                source=doc if whole else doc[start:end].as_doc(),
                document=number,
                first_token=start,
                first_character=first,
                before=doc.text[:first] if index == 0 else "",
                after=doc.text[last:next_first],
            )
        )
    return passages


def _strip(doc: Doc, start: int, end: int) -> tuple[int, int] | None:
    """Leave out tokens of white space at both ends."""
    while start < end and doc[start].is_space:
        start += 1
    while end > start and doc[end - 1].is_space:
        end -= 1
    return (start, end) if start < end else None


def _end(doc: Doc, end: int) -> int:
    last = doc[end - 1]
    return last.idx + len(last)
