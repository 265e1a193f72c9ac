"""Documents with mark-up: text is translated, and all else stays as it is."""

import re

import pytest
from aligned_docs import ENGLISH, GERMAN, translated
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_translator import make_pipeline, train

from spacy_rnn.pipeline.translator.markup.documents import MarkedUp, translate_markup
from spacy_rnn.pipeline.translator.markup.encodings import decode, encode


def fill(text, translate, markup="html", attributes=()):
    """Translate a document word by word, by a function."""
    document = MarkedUp.read(text, markup, attributes)
    docs = []
    for source in document.texts():
        number = sum(not token.is_space for token in ENGLISH(source))
        docs.append(translated(source, translate(source), [[index] for index in range(number)]))
    return document.write(docs, make_doc=GERMAN.make_doc)


def shouted(text, markup="html", attributes=()):
    return fill(text, str.upper, markup, attributes)


PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>Where is it?</title>
<style>b { color: red }</style><script>if (a < b) write("<p>No, thanks</p>");</script></head>
<body onload='go("now")'>
<!-- The menu -->
<h1 class=big>I would like <b>two tickets</b> to <i>Rome</i>, please.</h1>
<p>Where is the <a href="/ü?a=1&b=2" title="Here &amp; now">nearest <em>station</em></a>?
<ul><li>One<li>The <b>red &amp; blue</b> one</ul>
<p>First line<br>Second line<br/> third <img src=a.png alt="A cat"> line
<table><tr><td>1.50 &euro;<td>Coffee<tr><td>Tea</table>
<pre>  Kept   as it is </pre>
<svg viewBox="0 0 1 1"><linearGradient/><title>No</title></svg>
</body></html>
"""
FEED = """<?xml version='1.0' encoding="utf-8" standalone='yes'?>
<?xml-stylesheet href="a"?>
<!DOCTYPE feed [<!ENTITY co "The Company"><!ENTITY no SYSTEM "file:///etc/passwd">]>
<feed a = '1'><!-- c -->
  <entry id="1"><title>A <b>big</b> &lt;cat&gt; of &co;</title><empty/><full></full></entry>
  <entry its:translate="no"><title>No</title><title its:translate="yes">But this</title></entry>
  <entry><![CDATA[Cats & <dogs>]]>&no;<?go on?></entry>
</feed><!-- end -->
"""


@pytest.mark.parametrize(("text", "markup"), [(PAGE, "html"), (FEED, "xml")])
def test_what_is_not_translated_stays_as_it_is_to_the_byte(text, markup):
    assert fill(text, str, markup) == text


def test_texts_of_a_page_are_translated_block_by_block():
    assert list(MarkedUp.read(PAGE, "html").texts()) == [
        "Where is it?",
        "I would like two tickets to Rome, please.",
        "Where is the nearest station?",
        "One",
        "The red & blue one",
        "First line",
        "Second line third line",
        "Coffee",
        "Tea",
    ]


def test_texts_of_xml_are_those_of_the_outermost_elements_with_text():
    assert list(MarkedUp.read(FEED, "xml").texts()) == [
        "A big <cat> of ",
        "But this",
        "Cats & <dogs>",
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain &amp; &lt;simple&gt;", "PLAIN &amp; &lt;SIMPLE&gt;"),
        ("<b>Hello</b>, world", "<b>HELLO</b>, WORLD"),
        ("  <p>\n white   space </p> ", "  <p>\n WHITE SPACE </p> "),
        # Code and names are a part of the sentence, and stay.
        ("Call <code>a <i>b</i></code> now", "CALL <code>a <i>b</i></code> NOW"),
        ("Call <code></code> now", "CALL <code></code> NOW"),
        ("By <b translate=no>Anna</b> here", "BY <b translate=no>Anna</b> HERE"),
        ('By <b class="a notranslate">Anna</b>', 'BY <b class="a notranslate">Anna</b>'),
        (
            "<div translate=no>No <b>no</b> <p translate=yes>Yes</p> no</div>",
            "<div translate=no>No <b>no</b> <p translate=yes>YES</p> no</div>",
        ),
        ("<p translate=no>No<p>Yes", "<p translate=no>No<p>YES"),
        ("<textarea>No</textarea> yes", "<textarea>No</textarea> YES"),
        # Tags that never open or close, or cross, are there as they were.
        ("An <b>open one", "AN <b>OPEN ONE"),
        ("A closed</b> one", "A CLOSED</b> ONE"),
        ("<b>A <i>crossing</b> one</i>", "<b>A <i>CROSSING</b> ONE</i>"),
        ("<a href=x><div>A block</div></a>", "<a href=x><div>A BLOCK</div></a>"),
        ("</p></div>text<", "</p></div>TEXT&lt;"),
        # Without letters there is nothing to translate.
        ("<p>1 + 2 = &hellip;</p><p>|</p>", "<p>1 + 2 = &hellip;</p><p>|</p>"),
        ("", ""),
        ("<br><hr>", "<br><hr>"),
    ],
)
def test_parts_of_pages(text, expected):
    assert shouted(text) == expected


def test_attributes_are_translated_on_demand():
    text = """<p><img ALT='a cat' title="b alt='c'" src=a> <a title=now>One</a></p>"""
    assert shouted(text) == text.replace("One", "ONE")
    assert shouted(text, attributes=["alt", "title"]) == (
        '<p><img ALT="A CAT" title="B ALT=&#x27;C&#x27;" src=a> <a title="NOW">ONE</a></p>'
    )


def test_words_and_their_tags_change_places():
    document = MarkedUp.read("<p>A <b>black</b> <i>cat<img></i> <br>sleeps.</p>", "html")
    (text,) = document.texts()
    doc = translated(text, "Es schläft die Katze, schwarz.", [[], [3], [0], [2], [], [1], [4]])
    assert document.write([doc], make_doc=GERMAN.make_doc) == (
        "<p>Es <br>schläft die <i>Katze<img></i>, <b>schwarz</b>.</p>"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<a>\n<b>text\n</a>", "Line 3, column 3: mismatched tag, in the element <b> of line 2"),
        ("<a>text", "Line 1, column 8: no element found, in the element <a> of line 1"),
        ("<a>&foo;</a>", "undefined entity"),
        ("text", "Line 1, column 1: syntax error"),
    ],
)
def test_broken_xml_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        MarkedUp.read(text, "xml")


def test_another_markup_is_refused():
    with pytest.raises(ValueError, match='markup is "rtf"'):
        MarkedUp.read("", "rtf")


TAGS = ["<b>", "</b>", "<p>", "</p>", "<br>", "<img>", "<code>", "</code>", "<td>", "<!-- c -->"]
SCOPES = ["<li translate=no>", "<b translate=no>", "<div translate=yes>", "</div>", "</li>"]
WORDS = ["one", " ", "two", ".", "&amp;"]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from([*TAGS, *SCOPES, *WORDS]), max_size=12))
def test_no_tag_and_no_letter_is_lost_or_invented(parts):
    text = "".join(parts)
    before, after = (re.findall(r"<[^>]+>|\w", each.lower()) for each in (text, shouted(text)))
    assert sorted(after) == sorted(before)


@pytest.mark.parametrize("markup", ["html", "xml"])
def test_deep_and_long_documents(markup):
    deep = "<b>" * 20_000 + "word" + "</b>" * 20_000
    assert shouted(deep, markup) == deep.replace("word", "WORD")
    rows = "".join(f"<p>word {'<b>x</b>' * (row % 2)}</p>" for row in range(3000))
    assert shouted(f"<div>{rows}</div>", markup).count("<b>X</b>") == 1500


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        ('<?xml version="1.0" encoding="iso-8859-1"?><a>für</a>'.encode("latin1"), "iso-8859-1"),
        ("<meta charset='windows-1252'>für".encode("cp1252"), "windows-1252"),
        ('<meta http-equiv=a content="text/html; charset=koi8-r">ё'.encode("koi8-r"), "koi8-r"),
        ("<p>für".encode("utf-16"), "utf-16"),
        ("<meta charset=utf-16>für".encode(), "utf8"),
        (b"\xef\xbb\xbf<p>", "utf-8-sig"),
    ],
)
def test_documents_keep_their_encoding(data, encoding):
    text, found = decode(data, "page.html")
    assert found == encoding
    assert encode(text, found) == data


def test_characters_that_an_encoding_lacks_are_references():
    assert encode("€", "latin1") == b"&#8364;"


@pytest.mark.parametrize(
    ("data", "encoding", "message"),
    [
        (b"a\n\xff", None, "page.html, line 2, has bytes that are not utf8"),
        (b"a", "klingon", "encoded in 'klingon', which Python does not know"),
    ],
)
def test_wrong_encodings_are_named(data, encoding, message):
    with pytest.raises(ValueError, match=message):
        decode(data, "page.html", encoding)


def test_a_translator_translates_documents():
    nlp = make_pipeline()
    train(nlp)
    page = "<ul><li><b>eins</b> zwei drei</li> <li>vier</li></ul>"
    assert translate_markup(nlp, page) == ("<ul><li>three two <b>one</b></li> <li>four</li></ul>")
    with pytest.raises(KeyError, match="no_translator"):
        translate_markup(nlp, page, component="no_translator")
