"""Pairs of texts from files of translators."""

import gzip

import pytest
from translation_files import PO, TMX, XLIFF_1, XLIFF_2

from spacy_rnn.training.parallel import create_parallel_corpus_v1
from spacy_rnn.training.readers.pairs import open_texts

ALL = {"on_empty": "keep", "on_unreviewed": "keep"}
MORNING = ("Good morning.", "Guten Morgen.")
STATION = ("Where is the station?", "")


def read_pairs(tmp_path, text, suffix, warn=lambda _: None, **settings):
    path = tmp_path / f"a{suffix}"
    path.write_text(text, encoding="utf8")
    pairs = create_parallel_corpus_v1(path, **settings).pairs(warn)
    return [tuple(pair.sides) for pair in pairs]


@pytest.mark.parametrize(
    ("text", "suffix", "pairs"),
    [
        (
            XLIFF_1,
            ".xlf",
            [
                MORNING,
                STATION,
                ("Thank you.", "Danke."),
                ("QX-7", ""),
                ("Yes.", "Yes."),
                ("One. Two.", ""),
            ],
        ),
        (
            XLIFF_2,
            ".xliff",
            [
                (*MORNING[:1], ""),
                STATION,
                ("QX-7", ""),
                ("Thank you.", "Danke."),
                ("Yes.", "Jo."),
            ],
        ),
        (TMX, ".tmx", [MORNING, STATION, ("Thank you.", "Danke.")]),
        (
            PO,
            ".po",
            [
                MORNING,
                STATION,
                ("Thank you.", "Danke."),
                ('a "quiet" room\n', ""),
                ("quiet rooms\n", ""),
                ("Yes.", "Ja."),
            ],
        ),
    ],
)
def test_pairs_of_each_format(tmp_path, text, suffix, pairs):
    assert read_pairs(tmp_path, text, suffix, **ALL) == pairs
    with gzip.open(tmp_path / f"b{suffix}.gz", "wt", encoding="utf8") as file:
        file.write(text)
    read = open_texts(tmp_path / f"b{suffix}.gz")
    assert [pair.sides[0] for pair in read()] == [source for source, _ in pairs]


@pytest.mark.parametrize(
    ("text", "suffix", "lines", "reviewed"),
    [
        (XLIFF_1, ".xlf", "2, the first in line 18", [MORNING]),
        (XLIFF_2, ".xlf", "1, the first in line 18", [("Thank you.", "Danke.")]),
        (PO, ".po", "2, the first in line 23", [MORNING]),
    ],
)
def test_unreviewed_translations_are_counted(tmp_path, text, suffix, lines, reviewed):
    warnings = []
    settings = {"on_empty": "skip", "on_unreviewed": "skip"}
    assert read_pairs(tmp_path, text, suffix, warnings.append, **settings) == reviewed
    (warning,) = (each for each in warnings if "on_unreviewed" in each)
    assert f"skipped pairs with a translation marked as unreviewed or obsolete: {lines}" in warning
    with pytest.raises(ValueError, match=r'unreviewed .* set on_unreviewed to "skip" or "keep"'):
        read_pairs(tmp_path, text, suffix, on_empty="skip")


def test_languages_are_columns(tmp_path):
    german = {"source_field": "de", "target_field": "en"}
    assert read_pairs(tmp_path, TMX, ".tmx", on_misaligned="skip", **german) == [
        MORNING[::-1],
        ("Danke.", "Thank you."),
    ]
    with pytest.raises(ValueError, match=r"a\.tmx, line 12: no text in 'de', but in: en\. Choose"):
        read_pairs(tmp_path, TMX, ".tmx", **german)
    french = TMX.replace("</tu>", '<tuv xml:lang="fr"><seg>f</seg></tuv></tu>')
    with pytest.raises(ValueError, match=r"translations into de, fr: set target_field to"):
        read_pairs(tmp_path, french, ".tmx")
    pairs = read_pairs(tmp_path, french, ".tmx", target_field="fr")
    assert pairs == [(source, "f") for source in (MORNING[0], STATION[0], "Thank you.")]
    two = read_pairs(tmp_path, french, ".tmx", target_field=["de", "fr"], on_empty="keep")
    assert two[0] == (*MORNING, "f")
    backwards = read_pairs(tmp_path, XLIFF_1, ".xlf", **german, on_misaligned="skip", **ALL)
    assert backwards[0] == MORNING[::-1]


def test_variants_of_a_language(tmp_path):
    british = TMX.replace('xml:lang="en"', 'xml:lang="en-GB"').replace("de-DE", "DE")
    assert read_pairs(tmp_path, british, ".tmx", **ALL)[0] == MORNING
    dialects = TMX.replace('xml:lang="de-DE"', 'xml:lang="en-US"')
    assert read_pairs(tmp_path, dialects, ".tmx", target_field="en-US", **ALL)[0] == MORNING
    # "en" is that language itself where there is one, and not its variants.
    assert read_pairs(tmp_path, dialects, ".tmx", source_field="en", target_field="en-US", **ALL)
    american = TMX.replace('srclang="en"', 'srclang="en-US"')
    assert read_pairs(tmp_path, american, ".tmx", **ALL)[0] == MORNING
    open_source = TMX.replace('srclang="en"', 'srclang="*all*"')
    with pytest.raises(ValueError, match=r"line 7: .* set source_field to one of de-DE, en"):
        read_pairs(tmp_path, open_source, ".tmx")
    assert read_pairs(tmp_path, open_source, ".tmx", source_field="en", **ALL)[0] == MORNING


def test_plural_forms(tmp_path):
    filled = PO.replace('msgstr[0] ""', 'msgstr[0] "eins"')
    filled = filled.replace('msgstr[1] ""', 'msgstr[1] "zwei"\nmsgstr[2] "drei"')
    pairs = read_pairs(tmp_path, filled, ".po", **ALL)
    assert pairs[3:6] == [
        ('a "quiet" room\n', "eins"),
        ("quiet rooms\n", "zwei"),
        ("quiet rooms\n", "drei"),
    ]
    one = PO.replace('msgstr[1] ""\n', "").replace('msgstr[0] ""', 'msgstr[0] "eins"')
    assert ("quiet rooms\n", "eins") in read_pairs(tmp_path, one, ".po", **ALL)


@pytest.mark.parametrize(
    ("text", "suffix", "message"),
    [
        (XLIFF_1.replace("</note>", ""), ".xlf", r"a\.xlf, line 16: no well-formed XML"),
        (XLIFF_1.replace('"1.2"', '"1.0"'), ".xlf", "line 3: version is '1.0', .* 1.2, 2.0, 2.1"),
        (XLIFF_2.replace("2.1", "3"), ".xlf", "line 1: version is '3', but has to be one of 1"),
        (TMX.replace("1.4", "2"), ".tmx", "version is '2', but has to be one of 1.1, 1.2, 1.3, 1"),
        (TMX, ".xlf", "begins with <tmx>, but has to begin with <xliff>"),
        ("", ".tmx", r"line 1: no well-formed XML \(no element found\)"),
        ('<xliff version="1.2"><file><body><trans-unit/></body></file></xliff>', ".xlf",
         "line 1: a unit without a source"),
        (TMX.replace(' xml:lang="de"', ""), ".tmx", "line 18: a <tuv> without xml:lang"),
        (PO.replace('Danke."', "Danke."), ".po", r"line 24: neither a comment"),
        (PO.replace("UTF-8", "klingon"), ".po", "cannot be read as klingon"),
    ],
)  # fmt: skip
def test_malformed_files_are_refused(tmp_path, text, suffix, message):
    with pytest.raises(ValueError, match=message):
        read_pairs(tmp_path, text, suffix, **ALL)


def test_empty_catalogues_are_empty_corpora(tmp_path):
    assert read_pairs(tmp_path, "", ".po") == []
    (tmp_path / "a.po.gz").write_bytes(b"\x1f\x8b damaged")
    with pytest.raises(ValueError, match=r"a\.po\.gz cannot be read: .* Fetch or pack it anew"):
        list(create_parallel_corpus_v1(tmp_path / "a.po.gz").pairs())
