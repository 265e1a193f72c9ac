"""The report of a training, in Markdown and HTML."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.report.writer import make_report

SVG = "{http://www.w3.org/2000/svg}"
METRICS = {
    "bleu": 93.1,
    "bleu_signature": "nrefs:1|case:mixed|tok:13a",
    "ter": 3.2,
    "translator_ter": 4.25,
    "perplexity": 1.2,
    "tag_acc": 0.97312,
    "words": 1234,
    "ents_f": None,
    "ents_per_type": {"CITY": {"f": 0.5}},
    "model_signature": "abc",
}
LOG = [
    {"epoch": 0, "step": 0, "words": 9, "seconds": 1.0, "losses": {"t": 9}, "scores": {"bleu": 0}},
    {
        "epoch": 3,
        "step": 50,
        "words": 4000,
        "seconds": 20.0,
        "losses": {"t": 50},
        "scores": {"bleu": 71.25},
    },
    {"epoch": 5, "step": 99, "words": 8000, "seconds": 40.0, "losses": {"t": 5}, "scores": {}},
]
SAMPLES = [
    {
        "source": 'A <b>bird</b> & "two" | *cats*',
        "translation": "Ein <i>Vogel</i> und zwei | *Katzen*",
        "references": ["Hunde bellen.", "Ein <i>Vogel</i> und drei | *Katzen*"],
        "score": -0.5,
        "alignment": None,
    },
    {
        "source": "Help!",
        "translation": "Hilfe!",
        "references": ["Hilfe!"],
        "score": None,
        "alignment": {
            "source": ["Help", "!"],
            "target": ["Hilfe", "!"],
            "weights": [[0.9, 0.1], [0.2, 0.8]],
        },
    },
    {"source": "Stop", "translation": "", "references": [], "score": 1.0, "alignment": None},
]


def write(metrics=METRICS, log=LOG, samples=SAMPLES, **settings):
    markdown, page = make_report(metrics, log, samples, **settings)
    assert (markdown, page) == make_report(metrics, log, samples, **settings)
    return markdown, ElementTree.fromstring(page)


def text(element):
    return "".join(element.itertext())


def tables(markdown):
    """Render Markdown as GitHub does and give the cells of its tables."""
    html = MarkdownIt("commonmark").enable("table").render(markdown)
    root = ElementTree.fromstring(f"<html>{html}</html>")
    return [
        [[text(cell) for cell in row] for row in table.iter("tr")] for table in root.iter("table")
    ]


def html_scores(root):
    return [[text(cell) for cell in row] for row in root.find(".//table[@class='scores']/tbody")]


def test_all_scores_are_in_both_tables():
    markdown, root = write()
    expected = [
        ["BLEU", "93.10", "higher", METRICS["bleu_signature"]],
        ["TER", "3.20", "lower", ""],
        ["translator TER", "4.25", "lower", ""],
        ["Perplexity", "1.20", "lower", ""],
        ["Tag acc", "97.31", "", ""],
        ["Words", "1234", "", ""],
        ["Ents f", "—", "", ""],
        ["Ents per type: CITY: F", "50.00", "", ""],
        ["Model signature", "abc", "", ""],
    ]
    assert tables(markdown)[0][1:] == expected
    assert html_scores(root) == [
        [name, value, better and f"{better} is better", signature]
        for name, value, better, signature in expected
    ]


def test_the_p_value_of_a_comparison_is_no_share():
    row = {"score": 86.371, "other": 80.0, "p": 0.001}
    _, root = write({"comparison": {"rnn_translator_bleu": row}})
    values = [cells[1] for cells in html_scores(root)]
    assert values == ["86.37", "80.00", "0.0010"]


def test_samples_are_beside_the_closest_reference():
    markdown, root = write()
    expected = [
        [SAMPLES[0]["source"], SAMPLES[0]["translation"], SAMPLES[0]["references"][1], "-0.5000"],
        ["Help!", "Hilfe!", "Hilfe!", "—"],
        ["Stop", "", "—", "1.00"],
    ]
    assert tables(markdown)[1][1:] == expected
    cards = root.findall(".//article")
    assert [
        [text(card.find("header/p")), *(text(each) for each in card.iter("dd"))] for card in cards
    ] == [row[:3] for row in expected]
    assert [text(list(card.iter("dt"))[1]) for card in cards] == [
        "Closest of 2 references",
        "Reference",
        "Reference",
    ]


def test_differences_alone_are_marked():
    markdown, root = write()
    marked = [[text(mark) for mark in card.iter("mark")] for card in root.iter("article")]
    assert marked == [["zwei", "drei"], [], []]
    assert re.findall("<b>(.*?)</b>", markdown) == ["zwei", "drei"]


def test_pictures_are_in_the_page_and_beside_the_markdown():
    markdown, root = write()
    assert [svg.get("class") for svg in root.iter(f"{SVG}svg")] == ["learning-curve", "attention"]
    assert re.findall(r"\]\((.*?)\)", markdown) == ["learning_curve.svg", "attention.svg"]


def test_page_needs_nothing_else():
    _, page = make_report(METRICS, LOG, SAMPLES)
    root = ElementTree.fromstring(page)
    for element in root.iter():
        assert element.tag.rpartition("}")[2] not in {"script", "link", "img", "iframe", "use"}
        assert not {"src", "href", "srcset"} & set(element.keys())
    assert not re.search(r"@import|url\(", page)
    assert set(re.findall(r"https?://[^\"]+", page)) == {"http://www.w3.org/2000/svg"}


def test_summary_tells_the_best_row():
    markdown, root = write()
    summary = (
        "Logged up to step 99 in epoch 6: 8,000 words in 40 seconds. Best BLEU: 71.25 at step 50."
    )
    assert summary in markdown
    assert summary in [text(paragraph) for paragraph in root.iter("p")]


def test_title_is_escaped():
    markdown, root = write(title="<1> & *2*")
    assert root.findtext("head/title") == root.findtext(".//h1") == "<1> & *2*"
    rendered = MarkdownIt("commonmark").render(markdown)
    assert "<h1>&lt;1&gt; &amp; *2*</h1>" in rendered


def test_nothing_to_report():
    markdown, root = write({}, [], [])
    assert "Nothing has been logged yet." in markdown
    assert tables(markdown) == []
    assert [heading.text for heading in root.iter("h2")] == ["Learning curve"]
    assert "attention.svg" not in markdown


def test_command_writes_the_files(tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps(METRICS))
    (tmp_path / "log.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in LOG))
    for samples, pictures in [
        (SAMPLES, {"learning_curve.svg", "attention.svg"}),
        (SAMPLES[:1], {"learning_curve.svg"}),
    ]:
        (tmp_path / "samples.json").write_text(json.dumps(samples))
        arguments = ["report", "metrics.json", "log.jsonl", "a/b", "--samples", "samples.json"]
        arguments = [
            word if "." not in word and "/" not in word else str(tmp_path / word)
            for word in arguments
        ]
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        written = {
            path.name: path.read_text(encoding="utf8") for path in (tmp_path / "a/b").iterdir()
        }
        assert written.keys() == {"report.md", "report.html"} | pictures
        assert (written["report.md"], written["report.html"]) == make_report(METRICS, LOG, samples)
        for name in pictures:
            assert written[name] in written["report.html"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("metrics.json", "[tagger]", "metrics.json holds '[tagger]', which is no JSON"),
        ("log.jsonl", "{\n}\n", "log.jsonl holds '{', which is no JSON"),
        ("samples.json", '[{"text": "a"}]', "samples.json holds no translations"),
    ],
)
def test_command_names_the_file_that_is_wrong(name, content, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    files = {"metrics.json": "{}", "log.jsonl": "", "samples.json": "[]", name: content}
    for path, text_of_file in files.items():
        Path(path).write_text(text_of_file, encoding="utf8")
    arguments = ["report", "metrics.json", "log.jsonl", "out", "--samples", "samples.json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 1
    assert message in " ".join(result.output.split())


def test_without_bleu_the_best_row_is_that_with_the_best_score():
    log = [{**row, "scores": {"tag_acc": 0.5}, "score": 1 / (1 + row["step"])} for row in LOG]
    markdown, _ = write(log=log)
    assert f"Best score: {1 / (1 + LOG[0]['step']):.2f}" in markdown


@pytest.mark.parametrize(
    ("translation", "reference"),
    [("", ""), ("a", ""), ("", "a  b"), ("a b", "a  b\nc"), ("x, y", "x y")],
)
def test_no_text_is_lost_in_a_comparison(translation, reference):
    sample = {"source": "s", "translation": translation, "references": [reference], "score": 0.0}
    _, root = write(samples=[sample])
    assert [text(each) for each in root.iter("dd")] == [translation, reference]


def test_scores_of_one_component_need_no_name():
    scores = {"rnn_lm_word_perplexity": 9.0, "rnn_lm_bits_per_char": 2.5, "speed": 100.0}
    _, root = write(scores)
    assert [row[:3] for row in html_scores(root)] == [
        ["Word perplexity", "9.00", "lower is better"],
        ["Bits per character", "2.50", "lower is better"],
        ["Words per second", "100", "higher is better"],
    ]
    _, root = write({**scores, "rnn_translator_chrfpp": 51.0})
    assert [row[0] for row in html_scores(root)][::3] == [
        "rnn_lm word perplexity",
        "rnn_translator chrF++",
    ]


def test_what_xml_has_no_place_for_is_replaced():
    sample = {"source": "a\x00b", "translation": "c\x01", "references": [], "score": 0.0}
    _, root = write({"bleu": 1.0, "bleu_signature": "x\x02|y"}, samples=[sample])
    assert html_scores(root)[0][3] == "x\ufffd|y"
    assert text(root.find(".//article/header/p")) == "a\ufffdb"
    assert text(root.find(".//dd")) == "c\ufffd"
