"""Custom attributes of documents and tokens."""

from spacy.tokens import Doc, Token


def ensure_extension(name: str, of: type[Doc] | type[Token] = Doc) -> None:
    """Register a custom attribute, unless it is there already.

    name (str): The name under `doc._` or `token._`.
    of (type[Doc] | type[Token]): What has it.
    """
    if not of.has_extension(name):
        of.set_extension(name, default=None)
