"""The settings of a call of a translator."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from ...checks import check_choice, check_count
from ...generation.search import Search
from ...generation.settings import Detail
from .keep import KINDS

DETAILS = tuple(detail.name.lower() for detail in Detail)


class Call(NamedTuple):
    """The settings of a call: its search, and those of the component that a call may change.

    search (Callable): The search.
    read_ahead (int): The number of documents to read ahead, unless a batch has more.
    threads (int | None): The number of inner batches to translate at once; None for the default.
    detail (Detail): What is wanted of translations.
    keep (tuple[str, ...]): The kinds of text that stand in the translation as they are.
    """

    search: Callable
    read_ahead: int
    threads: int | None
    detail: Detail
    keep: tuple[str, ...]


def read_call(name: str, defaults: dict[str, Any], settings: dict[str, Any]) -> Call:
    """Read the settings of a call.

    name (str): The name of the component, for errors.
    defaults (dict[str, Any]): "search", "read_ahead", "threads", "detail" and "keep" of the
        component, which stand in for those that the call does not set.
    settings (dict[str, Any]): Those of the call. Other names are settings of the search.
    RETURNS (Call): The settings.
    RAISES (ValueError): If there is no such setting, or it is out of its bounds.
    """
    of_search = {key: value for key, value in settings.items() if key not in defaults}
    chosen = {**defaults, **settings}
    search, detail = chosen["search"], chosen["detail"]
    check_call(chosen["read_ahead"], chosen["threads"], detail, chosen["keep"])
    if not callable(search):
        raise ValueError(
            f"The search of {name} is {search!r}: choose one of spacy_rnn's, such as "
            f"GreedySearch(), or a function that is called as these are"
        )
    if of_search:
        if not isinstance(search, Search):
            raise ValueError(
                f"The search of {name} is not one of spacy-rnn's, so that "
                f"{', '.join(of_search)} cannot be set for it"
            )
        search = search.change(**of_search)
    return Call(
        search,
        chosen["read_ahead"],
        chosen["threads"],
        Detail[detail.upper()],
        tuple(chosen["keep"]),
    )


def check_call(read_ahead: int, threads: int | None, detail: str, keep: Iterable[str]) -> None:
    """Refuse settings out of their bounds.

    read_ahead (int): The number of documents to read ahead.
    threads (int | None): The number of inner batches to translate at once.
    detail (str): What is wanted of translations.
    keep (Iterable[str]): The kinds of text that stand in the translation as they are.
    RAISES (ValueError): If one is.
    """
    check_count("read_ahead", read_ahead, 0)
    if threads is not None:
        check_count("threads", threads, 1)
    check_choice("detail", detail, DETAILS)
    for kind in keep:
        check_choice("keep", kind, KINDS)
