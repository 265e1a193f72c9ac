"""Messages of gettext."""

import re
from ast import literal_eval
from io import BytesIO

import pytest
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from translation_files import PO

from spacy_rnn.text.bilingual.messages import read_messages, write_string


def read(text):
    return list(read_messages(text.encode(), "a.po"))


def test_messages_are_those_that_babel_reads():
    catalogue = read_po(BytesIO(PO.encode()), abort_invalid=True)
    theirs = [
        (each.context, each.id, each.string, each.fuzzy, each.lineno)
        for each in [*catalogue, *catalogue.obsolete.values()]
        if each.id
    ]
    ours = []
    for message in read(PO)[1:]:
        texts, strings = [message.strings["msgid"]], list(message.translations.values())
        if "msgid_plural" in message.strings:
            texts = [(*texts, message.strings["msgid_plural"])]
            strings = [tuple(strings)]
        context = message.strings.get("msgctxt")
        line = message.line + (context is not None)  # Babel's is that of msgid.
        ours.append((context, *texts, *strings, "fuzzy" in message.flags, line))
    assert ours == theirs
    assert [message.is_obsolete for message in read(PO)] == [False] * 5 + [True]


def test_strings_are_where_they_stand():
    for message in read(PO.replace("\n", "\r\n")):
        for keyword, (start, end) in message.spans.items():
            part = PO.replace("\n", "\r\n").encode()[start:end].decode()
            assert part.removeprefix("#~ ").startswith(f"{keyword} ")
            strings = [literal_eval(line) for line in re.findall('".*"', part)]
            assert "".join(strings) == message.strings[keyword]


@given(st.text(st.characters(codec="utf-8")))
def test_strings_are_read_as_they_were_written(text):
    written = f"{write_string('msgid', text)}\n{write_string('msgstr', 'x')}\n"
    if text and not re.search("[\r\v\f\x1c-\x1e\x85\u2028\u2029]", text):
        (theirs,) = (each for each in read_po(BytesIO(written.encode())) if each.string == "x")
        assert theirs.id == text or re.search("[\a\b\\\\]", text)
    (message,) = read(written)
    assert message.strings["msgid"] == text


def test_line_ends_of_a_string():
    assert write_string("msgstr", "a\nb") == 'msgstr ""\n"a\\n"\n"b"'
    assert write_string("msgstr", "a\n", "\r\n") == 'msgstr "a\\n"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('msgid "a\nmsgstr ""\n', r"a\.po, line 1: neither a comment nor a string in quotes"),
        ('msgid "a"\nmsgstr "b" c\n', "line 2: neither"),
        ('msgid "a"\n\nmsgid "b"\nmsgstr ""\n', "line 3: a second msgid"),
        ('msgid "a"\n', r"line 1: a message without msgstr\. Add it"),
        ('msgid "a"\nmsgid_plural "b"\nmsgstr ""\n', r"line 1: a message without msgstr\[0\]"),
        ('\nmsgctxt "a"\nmsgstr "b"\n', "line 2: a message without msgid"),
        ('"a"\n', "line 1: a string without a keyword"),
    ],
)
def test_malformed_messages_are_refused(text, message):
    with pytest.raises(ValueError, match=message):
        read(text)
