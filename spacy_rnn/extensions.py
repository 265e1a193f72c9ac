"""Custom attributes of documents, spans and tokens."""

import warnings
from functools import partial
from typing import Any, cast

from spacy.tokens import Doc, Span, Token


def ensure_extension(name: str, owner: type[Doc] | type[Span] | type[Token] = Doc) -> None:
    """Register a custom attribute, unless it is there already.

    name (str): The name under `._.`
    owner (type[Doc] | type[Span] | type[Token]): What has it.
    """
    _ensure(name, owner, default=None)


def ensure_label_extension(name: str, owner: type[Span] | type[Token], label: str) -> None:
    """Register a custom attribute of a label: it is None once the label is another one.

    name (str): The name under `._.`
    owner (type[Span] | type[Token]): What has it.
    label (str): The attribute that holds the label, such as "label_".
    """
    _ensure(name, owner, getter=partial(_get, name, label), setter=partial(_set, name, label))


def _get(name: str, label: str, owner: Span | Token) -> Any:
    data = cast(dict[Any, Any], owner.doc.user_data)
    label_then = data.get(_key(f"{name}_label", owner))
    is_of_label = label_then is None or label_then == str(getattr(owner, label))
    return data.get(_key(name, owner)) if is_of_label else None


def _set(name: str, label: str, owner: Span | Token, value: Any) -> None:
    data = cast(dict[Any, Any], owner.doc.user_data)
    data[_key(name, owner)] = value
    label_now = str(getattr(owner, label))
    if label_now or isinstance(owner, Token):  # `Doc.from_json` writes to spans without labels.
        data[_key(f"{name}_label", owner)] = label_now


def _key(name: str, owner: Span | Token) -> tuple[str, str, int, int | None]:
    """Return the key under which spaCy stores an attribute, and shifts it with its text."""
    if isinstance(owner, Span):
        return ("._.", name, owner.start_char, owner.end_char)
    return ("._.", name, owner.idx, None)


def _ensure(name: str, owner: type[Doc] | type[Span] | type[Token], **extension: Any) -> None:
    if not owner.has_extension(name):
        owner.set_extension(name, **extension)
        return
    _, method, getter, setter = owner.get_extension(name)
    if (method or getter) and not setter:
        warnings.warn(
            f"{owner.__name__}._.{name} is computed by a function of your own, so that what a "
            f"component writes to it is not seen: give yours another name, or a setter",
            stacklevel=4,
        )
