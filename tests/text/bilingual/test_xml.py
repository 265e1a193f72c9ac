"""XML whose tags are located."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st
from translation_files import TMX, XLIFF_1, XLIFF_2

from spacy_rnn.text.bilingual.edits import Edit
from spacy_rnn.text.bilingual.inline import CODES, read_content
from spacy_rnn.text.bilingual.xml import Element, XmlFile, escape_text, set_attributes


def elements_of(element):
    yield element
    for child in element.children:
        if isinstance(child, Element):
            yield from elements_of(child)


@pytest.mark.parametrize("text", [XLIFF_1, XLIFF_2, TMX])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "iso-8859-1"])
def test_elements_are_where_they_stand(text, encoding):
    declared = encoding.replace("-sig", "")
    text = text.replace("UTF-8", declared).replace("utf-8", declared).replace("\n", "\r\n")
    if "encoding" not in text and encoding == "iso-8859-1":
        return
    data = text.encode(encoding)
    file = XmlFile(data, "a.xml")
    ours, theirs = list(elements_of(file.root)), list(ElementTree.fromstring(data).iter())
    assert len(ours) == len(theirs) > 10
    for our, their in zip(ours, theirs, strict=True):
        assert (f"{{{our.namespace}}}{our.name}" if our.namespace else our.name) == their.tag
        assert our.attributes == their.attrib
        # The part of the file is the element: parsed alone it has the same text.
        part = file.raw(our.start, our.end).replace("<my:", "<").replace(" my:", " ")
        assert "".join(ElementTree.fromstring(part).itertext()) == "".join(their.itertext())
        assert file.raw(our.start, our.content_start).startswith(f"<{our.name}")
    assert file.write([]) == data


def test_line_breaks_are_spaces_unless_white_space_counts():
    source = "<a>\n  <b>one\n  two</b> <b xml:space='preserve'>one\n  two<i/></b></a>"
    file = XmlFile(source.encode(), "a.xml")
    wrapped, kept = file.root.elements("b")
    assert read_content(file, wrapped).text == "one two"
    assert read_content(file, kept).text == "one\n  two"


def test_content_is_text_and_tags():
    source = (
        '<s>a<x id="1"/> <g id="2">b&amp;<ph id="3">&lt;br/><sub>no text</sub></ph>c</g>'
        '<bx rid="4"/>d<ex rid="4"/><x id="5" ctype="lb"/>e<!-- f --></s>'
    )
    file = XmlFile(source.encode(), "a.xml")
    content = read_content(file, file.root)
    assert content.text == "a b&cd e"
    assert [(tag.position, tag.raw) for tag in content.tags] == [
        (1, '<x id="1"/>'),
        (2, '<g id="2">'),
        (4, '<ph id="3">&lt;br/><sub>no text</sub></ph>'),
        (5, "</g>"),
        (5, '<bx rid="4"/>'),
        (6, '<ex rid="4"/>'),
        (6, '<x id="5" ctype="lb"/>'),
    ]
    elements = [tag.element for tag in content.tags]
    assert elements[1] == elements[3]
    assert elements[4] == elements[5]
    assert len({*elements}) == 5
    assert content.write() == source[3:-4].replace("e<!-- f -->", " e")
    assert "ph" in CODES


@given(st.text())
def test_text_is_written_as_xml(text):
    valid = "".join(
        character
        for character in text
        if character in "\t\n\r" or (character >= " " and character not in "\ufffe\uffff")
    )
    read = ElementTree.fromstring(f"<a>{escape_text(text)}</a>").text or ""
    assert read == valid.replace("\r\n", "\n").replace("\r", "\n")


@pytest.mark.parametrize(
    ("tag", "written"),
    [
        ("<t>", '<t state="a&lt;b">'),
        ("<t />", '<t state="a&lt;b" />'),
        ("<t x='>' state='b'/>", "<t x='>' state=\"a&lt;b\"/>"),
        ('<t my:state="c"\n state = "b">', '<t my:state="c"\n state="a&lt;b">'),
    ],
)
def test_attributes_are_set(tag, written):
    assert set_attributes(tag, state="a<b") == written


def test_characters_that_an_encoding_lacks_are_written_by_number():
    data = b'<?xml version="1.0" encoding="ascii"?><a>x</a>'
    file = XmlFile(data, "a.xml")
    edit = Edit(file.root.content_start, file.root.content_end, "ü")
    assert file.write([edit]) == data.replace(b"x</", b"&#252;</")


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("<a>\n<b></a>", r"a\.xml, line 2: no well-formed XML \(mismatched tag\)"),
        ("", r"line 1: no well-formed XML \(no element found\)"),
        ('<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>', "line 1: the entity 'e', which is not XML"),
        ('<!DOCTYPE a [<!ENTITY e SYSTEM "b.txt">]><a/>', "the entity 'e'"),
        ('<!DOCTYPE a SYSTEM "a.dtd">\n<a>&nbsp;</a>', "line 2: the entity 'nbsp'"),
        ("<a>&nbsp;</a>", r"line 1: no well-formed XML \(undefined entity\)"),
        ('<?xml version="1.0" encoding="klingon"?><a/>', "cannot be read as klingon"),
        ('<?xml version="1.0" encoding="ascii"?><a>ü</a>', "cannot be read as ascii"),
    ],
)
def test_malformed_files_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        XmlFile(source.encode(), "a.xml")
