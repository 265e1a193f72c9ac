"""Files of translators are filled, and stay as they are in all else."""

import re
from io import BytesIO
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
import spacy
from babel.messages.pofile import read_po
from hypothesis import given
from hypothesis import strategies as st
from spacy.language import Language
from translation_files import PO, TMX, XLIFF_1, XLIFF_2

from spacy_rnn.cli.fill import fill_file
from spacy_rnn.extensions import ensure_deferred_extension, ensure_extension
from spacy_rnn.text.bilingual.opening import open_tmx, open_xliff
from spacy_rnn.text.bilingual.po import PoFile

DRAFT = 'state="needs-review-translation" state-qualifier="mt-suggestion"'
SEGMENT = 'state="translated" subState="spacy-rnn:mt"'
NAMESPACE = "urn:oasis:names:tc:xliff:document:1.2"
TUV = '<tuv xml:lang="de" creationtool="spacy-rnn" creationtoolversion="0.1.0">'


@Language.component("shout_backwards")
def shout_backwards(doc, **_):
    """Translate into capital letters, the last word first, and say which is which."""
    ensure_extension("translation")
    ensure_deferred_extension("translations")
    text, alignment = "", []
    words = [token for token in doc if not token.is_space]
    for word in reversed(words):
        text += " " if text else ""
        start, end = len(text), len(text) + len(word)
        source = {"start": word.idx, "end": word.idx + len(word), "token": word.i, "weight": 1.0}
        alignment.append({"start": start, "end": end, "source": [source]})
        text += word.text.upper()
    doc._.translation = text or doc.text
    doc._.translations = [{"text": doc._.translation, "alignment": alignment}]
    return doc


@pytest.fixture(scope="module")
def nlp():
    nlp = spacy.blank("en")
    nlp.tokenizer = spacy.tokenizer.Tokenizer(
        nlp.vocab, infix_finditer=re.compile("[?.]").finditer
    )
    nlp.add_pipe("shout_backwards")
    return nlp


def fill(nlp, text, open_file, trg_lang="de", **settings):
    translator = SimpleNamespace(name="shout_backwards", attr="translation", trg_lang=trg_lang)
    file = open_file(text.encode("utf8"), "a.xml")
    data, filled, kept = fill_file(nlp, translator, file, **settings)
    return data.decode("utf8"), filled, dict(kept)


def replace(text, *changes):
    """Make changes at the only place that each of them fits."""
    for old, new in changes:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def test_xliff_1(nlp):
    target = (
        f'<target {DRAFT}>? <bpt id="1">&lt;b></bpt>STATION<ept id="1">&lt;/b></ept> THE IS '
        f'WHERE<x id="2" /></target>'
    )
    segments = (
        '<mrk mid="0" mtype="seg">. ONE</mrk> <mrk mid="1" mtype="seg">. TWO</mrk\n        >'
    )
    expected = replace(
        XLIFF_1,
        ('</ept>?<x id="2" /></source>', f'</ept>?<x id="2" /></source>\n          {target}'),
        ('<target state="new">Yes.', f"<target {DRAFT}>. YES"),
        ("></seg-source>", f"></seg-source>\n        <target {DRAFT}>{segments}</target>"),
    )
    filled, number, kept = fill(nlp, XLIFF_1, open_xliff)
    assert filled.split("\n") == expected.split("\n")
    assert number == 3
    assert kept == {
        "with a translation": 1,
        "with an approved translation": 1,
        'marked as translate="no"': 1,
    }
    assert fill(nlp, filled, open_xliff)[:2] == (filled, 0)


def test_xliff_2(nlp):
    greeting = '.<pc id="1" dataRefStart="d1" dataRefEnd="d2"> MORNING</pc> GOOD'
    question = '? <sc id="2" dataRef="d1"/>STATION THE<ec startRef="2"/> IS WHERE'
    start = "        <target>"
    expected = replace(
        XLIFF_2,
        ('<segment id="s1">', f'<segment id="s1" {SEGMENT}>'),
        ("</pc>.</source>", f"</pc>.</source>\n{start}{greeting}</target>"),
        ("</source></ignorable>", '</source><target> <ph id="4"/></target></ignorable>'),
        ('id="s2" state="initial" subState="my:new"', f'id="s2" {SEGMENT}'),
        ("?</source>", f"?</source>\n{start}{question}</target>"),
    )
    filled, number, kept = fill(nlp, XLIFF_2, open_xliff)
    assert re.sub(" ?(</?pc.*?>) ?", r"\1", filled) == re.sub(" ?(</?pc.*?>) ?", r"\1", expected)
    assert number == 2
    assert kept == {
        "with a translation": 1,
        "with an approved translation": 1,
        'marked as translate="no"': 1,
    }
    assert fill(nlp, filled, open_xliff)[:2] == (filled, 0)
    no_target = XLIFF_2.replace(' trgLang="de"', "")
    with_target = filled.replace(' trgLang="de"', "").replace(
        'Lang="en"', 'Lang="en" trgLang="de"'
    )
    assert fill(nlp, no_target, open_xliff)[0] == with_target
    with pytest.raises(ValueError, match=r"line 1: no trgLang, .* with --target-lang"):
        fill(nlp, no_target, open_xliff, trg_lang=None)


def test_translation_memories(nlp):
    added = (
        f'\n      {TUV}\n        <seg>? <bpt i="1">&lt;b></bpt>STATION<ept i="1">&lt;/b></ept> '
        f"THE IS WHERE</seg>\n      </tuv>"
    )
    question = "?</seg>\n      </tuv>"
    filled, number, kept = fill(nlp, TMX, open_tmx)
    assert filled == replace(TMX, (question, f"{question}{added}"))
    assert (number, kept) == (1, {"with a translation": 2})
    filled, number, _ = fill(nlp, TMX, open_tmx, overwrite=True)
    assert number == 3
    assert 'lang="de-DE" creationtool="spacy-rnn"' in filled
    assert '<prop type="who">Ann</prop><seg>. ' in filled
    # spaCy has no tokenizer of Volapük.
    assert '<tuv xml:lang="vo" ' in fill(nlp, TMX, open_tmx, target_lang="vo")[0]
    french, number, kept = fill(
        nlp,
        TMX.replace(' xml:lang="en"><seg>T', ' xml:lang="sv"><seg>T'),
        open_tmx,
        target_lang="fr",
    )
    assert french.count('<tuv xml:lang="fr" ') == number == 2
    assert kept == {"without a text in 'en'": 1}
    with pytest.raises(ValueError, match=r"any languages: name that of the translations with"):
        fill(nlp, TMX, open_tmx, trg_lang=None)


def test_catalogues(nlp):
    expected = replace(
        PO,
        ("#, c-format", "#, fuzzy, c-format"),
        ('"station?"\nmsgstr ""', '"station?"\nmsgstr "? STATION THE IS WHERE"'),
        ('msgid "a \\"quiet', '#, fuzzy\nmsgid "a \\"quiet'),
        ('msgstr[0] ""', r'msgstr[0] "ROOM \"QUIET\" A"'),
        ('msgstr[1] ""', 'msgstr[1] "ROOMS QUIET"'),
    )
    filled, number, kept = fill(nlp, PO, PoFile)
    assert filled == expected
    assert (number, kept) == (2, {"no longer used": 1, "with a translation": 2})
    windows = PO.replace("\n", "\r\n")
    assert fill(nlp, windows, PoFile)[0] == expected.replace("\n", "\r\n")
    everything = fill(nlp, PO, PoFile, overwrite=True)[0]
    catalogue = read_po(BytesIO(everything.encode()), abort_invalid=True)
    messages = [message for message in catalogue if message.id]
    assert len(messages) == 4
    assert all(message.fuzzy for message in messages)
    assert catalogue.get("Good morning.", "greeting").string == ". MORNING GOOD"


@pytest.mark.parametrize(
    ("plurals", "forms"),
    [
        ("nplurals=1; plural=0", ["ROOMS QUIET"]),
        ("nplurals=3; plural=n", ['ROOM \\"QUIET\\" A', "ROOMS QUIET", "ROOMS QUIET"]),
        ("nplurals=INTEGER; plural=EXPRESSION", ['ROOM \\"QUIET\\" A', "ROOMS QUIET"]),
    ],
)
def test_there_are_as_many_plural_forms_as_the_language_has(nlp, plurals, forms):
    template = PO.replace("nplurals=2; plural=(n != 1)", plurals)
    template = template.replace("Language: de", "Language: ").replace("UTF-8", "CHARSET")
    filled, _, _ = fill(nlp, template, PoFile)
    assert re.findall(r'msgstr\[\d\] "(.*)"', filled) == forms
    assert '"Language: de\\n"' in filled


def test_catalogues_keep_their_encoding(nlp):
    text = "\ufeff" + PO.replace("station?", "charset=latin1 fiancé?")
    assert fill(nlp, text, PoFile)[0].count("FIANCÉ") == 1
    translator = SimpleNamespace(name="shout_backwards", attr="translation", trg_lang="de")
    text = text.removeprefix("\ufeff").replace("UTF-8", "ISO-8859-1")
    data = fill_file(nlp, translator, PoFile(text.encode("latin-1"), "a.po"))[0]
    assert "FIANCÉ".encode("latin-1") in data
    # The capital letter of this one is not in the encoding.
    file = PoFile(text.replace("é", "ÿ").encode("latin-1"), "a.po")
    with pytest.raises(ValueError, match=r"a\.po: a translation cannot be written as ISO-8859-1"):
        fill_file(nlp, translator, file)


def test_plural_forms_that_are_there_stay(nlp):
    text = PO.replace('msgstr[1] ""', 'msgstr[1] ""\n"ruhige "\n"Zimmer\\n"')
    filled, number, _ = fill(nlp, text, PoFile)
    assert number == 2
    assert 'msgstr[0] "ROOM \\"QUIET\\" A"\nmsgstr[1] ""\n"ruhige "\n"Zimmer\\n"\n' in filled


def test_languages_have_to_agree(nlp):
    for text, open_file, kind in [
        (XLIFF_1, open_xliff, "4: the "),
        (XLIFF_2, open_xliff, "1: the "),
        (PO, PoFile, "2: the "),
    ]:
        with pytest.raises(ValueError, match=f"line {kind}target language is 'de', but .* 'fr'"):
            fill(nlp, text, open_file, target_lang="fr")
    for text, open_file in [(XLIFF_1, open_xliff), (XLIFF_2, open_xliff), (TMX, open_tmx)]:
        with pytest.raises(
            ValueError, match="source language is 'en', but the translator's is 'it"
        ):
            fill(nlp, text, open_file, source_lang="it")
        fill(nlp, text, open_file, source_lang="en-GB", target_lang="de-AT")
    bare = XLIFF_1.replace(' target-language="de"', "")
    filled = fill(nlp, bare, open_xliff)[0]
    assert 'datatype="html" target-language="de">' in filled
    assert "target-language" not in fill(nlp, bare, open_xliff, trg_lang=None)[0]


@pytest.mark.parametrize("text", [XLIFF_1, XLIFF_2])
def test_a_unit_without_a_source(nlp, text):
    text = re.sub("<source>Thank you.</source>", "", text)
    with pytest.raises(
        ValueError, match=r"a\.xml, line 1[78]: a (unit|segment) without a source\."
    ):
        fill(nlp, text, open_xliff)


def test_approved_translations_are_never_written_over(nlp):
    filled, number, kept = fill(nlp, XLIFF_1, open_xliff, overwrite=True)
    assert (number, kept["with an approved translation"]) == (4, 1)
    assert f"<target {DRAFT}>. YOU THANK</target>" in filled
    assert fill(nlp, XLIFF_2, open_xliff, overwrite=True)[1] == 3


def test_what_is_protected_is_not_translated(nlp):
    source = 'see <mrk mtype="protected">mode <x id="1"/>Q</mrk> and <g id="2">more</g>'
    text = XLIFF_1.replace("Thank you.", source).replace("Danke.", "")
    filled = fill(nlp, text, open_xliff)[0]
    protected = '<mrk mtype="protected">mode <x id="1"/>Q</mrk>'
    assert f'<g id="2">MORE</g> AND {protected} SEE</target>' in filled


PARTS = st.lists(
    st.sampled_from(["ab ", "c", " d", "&lt;", "<g>", "</g>", "<x>", "<ph>", "<bx>", "<ex>"])
)


def write_source(parts):
    """Write a source, with inline elements in each other, beside each other and crossing."""
    source, opened, begun = "", 0, []
    for number, part in enumerate(parts):
        if part in ("<g>", "<x>", "<bx>"):
            source += f'{part[:-1]} id="{number}" rid="{number}"{"" if part == "<g>" else "/"}>'
            opened += part == "<g>"
            begun += [number] * (part == "<bx>")
        elif part == "<ph>":
            source += f'<ph id="{number}">&lt;br/&gt;</ph>'
        elif part == "<ex>":
            source += f'<ex id="{number}" rid="{begun.pop()}"/>' if begun else ""
        elif part == "</g>":
            source += part * bool(opened)
            opened -= bool(opened)
        else:
            source += part
    return source + "</g>" * opened


def elements_of(content):
    """List elements with their attributes, and that of the element that they are in."""
    return sorted(
        (
            child.tag,
            child.attrib["id"],
            parent.get("id", ""),
            child.text if "ph" in child.tag else "",
        )
        for parent in content.iter()
        for child in parent
    )


def letters_of(content):
    for code in content.iter(f"{{{NAMESPACE}}}ph"):
        code.text = ""
    return sorted("".join("".join(content.itertext()).upper().split()))


@given(parts=PARTS)
def test_every_element_comes_back_once(nlp, parts):
    text = XLIFF_1.replace("Thank you.", write_source(parts)).replace("Danke.", "")
    root = ElementTree.fromstring(fill(nlp, text, open_xliff)[0])
    unit = root.find(f".//*[@id='3']/{{{NAMESPACE}}}source/..")
    source, target = (unit.find(f"{{{NAMESPACE}}}{name}") for name in ("source", "target"))
    assert elements_of(source) == elements_of(target)
    assert letters_of(source) == letters_of(target)


# The rules of the standards that are about what is filled


def names_of(element):
    return [child.tag.rpartition("}")[2] for child in element]


def ids_of(element):
    attributes = ("id", "i", "mid", "startRef")
    return sorted(
        (child.tag, name, child.attrib[name])
        for child in element.iter()
        for name in attributes
        if name in child.attrib
    )


def test_rules_of_xliff_1(nlp):
    """Section 2.4: the order of elements in a unit, inline elements, states."""
    root = ElementTree.fromstring(fill(nlp, XLIFF_1, open_xliff, overwrite=True)[0])
    units = list(root.iter(f"{{{NAMESPACE}}}trans-unit"))
    assert len(units) == 6
    order = ["source", "seg-source", "target", "note", "alt-trans"]
    for unit in units:
        assert names_of(unit) == sorted(names_of(unit), key=order.index)
        assert len(names_of(unit)) == len({*names_of(unit)})
        source, target = (unit.find(f"{{{NAMESPACE}}}{name}") for name in ("source", "target"))
        if unit.get("translate") == "no":
            assert target is None
            continue
        segmented = unit.find(f"{{{NAMESPACE}}}seg-source")
        assert ids_of(target) == ids_of(source if segmented is None else segmented)
        assert target.get("state") in {"final", "needs-review-translation"}


def test_rules_of_xliff_2(nlp):
    """Sections 4.2.2 and 4.3.1: inline elements, `trgLang`, `state` and `subState`."""
    root = ElementTree.fromstring(fill(nlp, XLIFF_2, open_xliff, overwrite=True)[0])
    prefix = "{urn:oasis:names:tc:xliff:document:2.0}"
    assert root.get("trgLang") == "de"
    parts = [*root.iter(f"{prefix}segment"), *root.iter(f"{prefix}ignorable")]
    assert len(parts) == 6
    for part in parts:
        if part.find(f"{prefix}source").text == "QX-7":
            assert names_of(part) == ["source"]
            continue
        assert names_of(part) == ["source", "target"]
        assert ids_of(part[0]) == ids_of(part[1])
        assert part.get("state", "initial") in {"initial", "translated", "reviewed", "final"}
        if "subState" in part.attrib:
            assert "state" in part.attrib
            assert re.fullmatch(r"[^\s:]+:\S+", part.get("subState"))


def test_rules_of_tmx(nlp):
    """Its DTD: what a <tu> and a <tuv> hold, and in which order."""
    root = ElementTree.fromstring(fill(nlp, TMX, open_tmx, overwrite=True)[0])
    units = list(root.iter("tu"))
    assert len(units) == 3
    lang = "{http://www.w3.org/XML/1998/namespace}lang"
    for unit in units:
        assert re.fullmatch("(note |prop )*(tuv )+", " ".join(names_of(unit)) + " ")
        variants = {variant.get(lang): variant.find("seg") for variant in unit.iter("tuv")}
        assert len(variants) == names_of(unit).count("tuv") == 2
        source, target = (variants[name] for name in sorted(variants, reverse=True))
        assert ids_of(source) == ids_of(target)
        assert sorted(names_of(source)) == sorted(names_of(target))
        assert all(
            re.fullmatch("(note |prop )*seg ", " ".join(names_of(variant)) + " ")
            for variant in unit.iter("tuv")
        )
