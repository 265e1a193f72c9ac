"""Lists, tables, line breaks and white space: all of a translation knows where it comes from."""

from itertools import accumulate, pairwise

import numpy as np
import pytest
import spacy
from spacy.tokens import Doc, Span
from toy_translator import SMALL, make_pipeline

from spacy_rnn.pipeline.translator.alignment import to_matrix
from spacy_rnn.pipeline.translator.passages import split_passages
from spacy_rnn.pipeline.translator.projection import project

# What is copied and what is translated, in turn.
LAYOUTS = [
    ["", "eins zwei", "\t", "drei", "\n", "vier", "\t", "fünf fünf", "\n"],
    ["- ", "eins zwei", "\n- ", "drei", "\n\n1. ", "vier eins", " \n2) ", "fünf", ""],
    ["  ", "eins zwei drei", " \t"],
    ["\t", "eins", "\t\t", "vier zwei", "\t"],
    ["", "eins", "\n\n\n", "zwei drei", "\r\n", "vier", "\u2028", "fünf", "  \n"],
    ["1.\t", "drei vier", "\n\t- ", "zwei", ""],
    ["\n"],
    [" \t "],
    ["- \n1. "],
    [""],
]


@pytest.fixture(scope="module")
def translating(trained):
    nlp = make_pipeline({**SMALL, "trg_lang": "en"})
    nlp.get_pipe("rnn_translator").from_bytes(trained[0].get_pipe("rnn_translator").to_bytes())
    return nlp


def token_parts(doc: Doc, parts: list[str]) -> list[int]:
    """Find the part that each token is in; it may not reach into another one."""
    bounds = list(pairwise(accumulate(map(len, parts), initial=0)))
    found = []
    for token in doc:
        end = token.idx + len(token)
        (part,) = (i for i, (a, b) in enumerate(bounds) if token.idx < b and a < end)
        assert bounds[part][0] <= token.idx < end <= bounds[part][1]
        found.append(part)
    return found


def mark_parts(doc: Doc, parts: list[int]) -> None:
    """Make each part a sentence, an entity and a span."""
    for token, (before, part) in zip(doc, pairwise([-1, *parts]), strict=True):
        token.is_sent_start = part != before
    spans = [Span(doc, s.start, s.end, label=f"P{parts[s.start]}") for s in doc.sents]
    doc.set_ents(spans)
    doc.spans["sc"] = spans


@pytest.mark.parametrize("parts", LAYOUTS)
def test_tokens_and_spans_of_a_layout_come_from_its_parts(translating, parts):
    alone = [translating(part) if number % 2 else None for number, part in enumerate(parts)]
    expected = [
        part if each is None else each._.translation
        for part, each in zip(parts, alone, strict=True)
    ]
    doc = translating("".join(parts))
    sources = token_parts(doc, parts)
    mark_parts(doc, sources)
    target = doc._.translation_doc
    assert target.text == "".join(expected)
    targets = token_parts(target, expected)
    for token, part in zip(target, targets, strict=True):
        origin = [doc[index] for index in token._.source]
        assert {sources[each.i] for each in origin} <= {part}
        first, first_source = targets.index(part), sources.index(part)
        if alone[part] is None:
            assert token.text in "".join(each.text_with_ws for each in origin)
        else:
            own = alone[part]._.translation_doc[token.i - first]
            assert token._.source == [first_source + index for index in own._.source]
    assert target._.targets == [
        [token.i for token in target if index in token._.source] for index in range(len(doc))
    ]
    places = [(part, f"P{part}") for part in dict.fromkeys(targets)]
    for spans in (target.ents, target.spans["sc"]):
        assert [(targets[span.start], span.label_) for span in spans] == places
        assert [targets.count(part) for part, _ in places] == [len(span) for span in spans]
    assert [len(sentence) for sentence in target.sents] == [len(span) for span in target.ents]
    assert target._.unprojected == []
    for copied in doc._.translations[0]["copied"]:
        text = target.text[copied["start"] : copied["end"]]
        assert text == doc.text[copied["source"] :][: len(text)]


@pytest.mark.parametrize("parts", LAYOUTS)
def test_attention_of_a_layout_is_that_of_its_cells(translating, parts):
    """As the picture of a report shows it."""
    doc = translating("".join(parts))
    best = doc._.translations[0]
    matrix = to_matrix(doc, best)
    sources = np.array(token_parts(doc, parts))
    rows = []
    for number in range(1, len(parts), 2):
        alone = translating(parts[number])
        for row in to_matrix(alone, alone._.translations[0])["weights"]:
            rows.append(np.zeros(len(doc)))
            rows[-1][sources == number] = row
    if not rows:
        assert matrix is None
        return
    assert matrix["source"] == [token.text for token in doc]
    assert len(matrix["target"]) == len(best["pieces"]) == len(rows)
    np.testing.assert_allclose(matrix["weights"], rows, atol=1e-5)


def test_copied_text_is_found_after_tokens_were_split(translating):
    doc = translating("1. vier\n2. eins zwei")
    with doc.retokenize() as retokenizer:
        retokenizer.split(doc[0], ["1", "."], heads=[doc[0], doc[0]])
    target = project(doc, spacy.blank("en").make_doc)
    origins = [[doc[index].text for index in token._.source] for token in target]
    assert [token.text for token in target[:3]] == ["1", ".", "four"]
    assert origins[:3] == [["1"], ["."], ["vier"]]


def test_cells_of_a_table_are_passages():
    doc = spacy.blank("de")("eins\tzwei. drei\n- \tvier")
    texts = [passage.text for passage in split_passages([doc])]
    assert texts == ["eins", "zwei.", "drei", "vier"]
    assert [passage.text for passage in split_passages([doc], 1, True)] == [
        "eins\tzwei.",
        "drei\n- \tvier",
    ]
