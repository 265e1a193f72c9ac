"""Custom attributes of documents, spans and tokens."""

import warnings

from spacy.tokens import Doc, Span, Token


def ensure_extension(name: str, owner: type[Doc] | type[Span] | type[Token] = Doc) -> None:
    """Register a custom attribute, unless it is there already.

    name (str): The name under `._.`
    owner (type[Doc] | type[Span] | type[Token]): What has it.
    """
    if not owner.has_extension(name):
        owner.set_extension(name, default=None)
        return
    _, method, getter, setter = owner.get_extension(name)
    if (method or getter) and not setter:
        warnings.warn(
            f"{owner.__name__}._.{name} is computed by a function of your own, so that what a "
            f"component writes to it is not seen: give yours another name, or a setter",
            stacklevel=3,
        )
