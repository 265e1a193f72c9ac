"""Custom attributes of documents."""

from spacy.tokens import Doc


def ensure_extension(name: str) -> None:
    """Register a custom attribute of documents, unless it is there already.

    name (str): The name under `doc._`.
    """
    if not Doc.has_extension(name):
        Doc.set_extension(name, default=None)
