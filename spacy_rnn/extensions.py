"""Custom attributes of documents, spans and tokens."""

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import srsly
from spacy.tokens import Doc, Span, Token


class Deferred:
    """A value of a document that is built when it is first read.

    Where the document is stored, copied or pickled, the value takes its place.

    build (Callable[[], Any]): Builds the value. It must not refer to the document, which could
        not be freed then before Python looks for cycles.
    """

    def __init__(self, build: Callable[[], Any]):
        self._build: Callable[[], Any] | None = build
        self._value: Any = None

    def read(self) -> Any:
        """Return the value, which is built once.

        RETURNS (Any): The value.
        """
        build = self._build  # Another thread may be done with it meanwhile.
        if build is not None:
            self._value = build()
            self._build = None
        return self._value

    def __reduce__(self) -> tuple[Callable, tuple[Any]]:
        return _same, (self.read(),)


def _same(value: Any) -> Any:
    return value


@srsly.msgpack_encoders("spacy-rnn.deferred")
def _encode_deferred(value: Any, chain: Callable[[Any], Any] | None = None) -> Any:
    """Store the values of documents: `Doc.to_bytes` and `DocBin` call this."""
    if isinstance(value, Deferred):
        return value.read()
    return value if chain is None else chain(value)


def ensure_deferred_extension(name: str) -> None:
    """Register a custom attribute of documents that `set_deferred` may set.

    name (str): The name under `._.`
    """
    _ensure(name, Doc, getter=partial(_read_deferred, name), setter=partial(_set_plain, name))


def ensure_computed_extension(name: str, compute: partial) -> None:
    """Register a custom attribute of documents that is computed whenever it is read.

    name (str): The name under `._.`
    compute (partial): Computes it. An attribute that another function computes, or none, stays
        what it is, with a warning.
    """
    if not Doc.has_extension(name):
        Doc.set_extension(name, getter=compute)
    elif getattr(Doc.get_extension(name)[2], "func", None) is not compute.func:
        warnings.warn(
            f"Doc._.{name} is an attribute of your own, so that what a component computes there "
            f"is not seen: give yours another name",
            stacklevel=4,
        )


def set_deferred(doc: Doc, name: str, build: Callable[[], Any]) -> None:
    """Set a custom attribute to a value that is built when it is read.

    If someone else registered the attribute, it is built at once.

    doc (Doc): The document.
    name (str): The name of the attribute.
    build (Callable[[], Any]): Builds the value, see `Deferred`.
    """
    _, _, getter, _ = Doc.get_extension(name)
    is_ours = isinstance(getter, partial) and getter.func is _read_deferred
    doc._.set(name, Deferred(build) if is_ours else build())


def _read_deferred(name: str, doc: Doc) -> Any:
    data = cast(dict[Any, Any], doc.user_data)
    key = _document_key(name)
    value = data.get(key)
    if isinstance(value, Deferred):
        value = data[key] = value.read()
    return value


def _set_plain(name: str, doc: Doc, value: Any) -> None:
    cast(dict[Any, Any], doc.user_data)[_document_key(name)] = value


def _document_key(name: str) -> tuple[str, str, None, None]:
    return ("._.", name, None, None)


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
