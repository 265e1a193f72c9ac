"""Custom attributes of documents, spans and tokens."""

from spacy.tokens import Doc, Span, Token


def ensure_extension(name: str, owner: type[Doc] | type[Span] | type[Token] = Doc) -> None:
    """Register a custom attribute, unless it is there already.

    name (str): The name under `._.`
    owner (type[Doc] | type[Span] | type[Token]): What has it.
    """
    if not owner.has_extension(name):
        owner.set_extension(name, default=None)
