"""Custom attributes."""

import warnings

import pytest
from spacy.tokens import Span

from spacy_rnn.extensions import ensure_extension


@pytest.fixture
def name():
    name = "extensions_test"
    yield name
    if Span.has_extension(name):
        Span.remove_extension(name)


def test_what_is_there_stays(name):
    Span.set_extension(name, default=3)
    with warnings.catch_warnings(action="error"):
        ensure_extension(name, Span)
    assert Span.get_extension(name)[0] == 3


def test_what_cannot_be_written_is_warned_of(name):
    Span.set_extension(name, getter=len)
    with pytest.warns(UserWarning, match=rf"Span._.{name} is computed by a function of your own"):
        ensure_extension(name, Span)


def test_what_can_be_written_is_fine(name):
    Span.set_extension(name, getter=len, setter=print)
    with warnings.catch_warnings(action="error"):
        ensure_extension(name, Span)
