"""The picture of what surprises, and the log that it is drawn of."""

import json
import sys
from xml.etree import ElementTree

import pytest

from spacy_rnn.report.charts.surprisal import render_surprisal


@pytest.mark.parametrize("bits", [[], [0.0], [3.5, 120.0, 7.0]])
def test_each_line_is_drawn_as_high_as_it_surprises(bits):
    root = ElementTree.fromstring(render_surprisal(bits, {1: "a <strange> one"}))
    lines = [each for each in root.iter() if each.get("class") in ("usual", "odd")]
    lines = [each for each in lines if each.tag.endswith("line")]
    assert len(lines) == len(bits)
    heights = [float(each.get("y1")) - float(each.get("y2")) for each in lines]
    most, highest = max([*bits, 1]), max([*heights, 1])
    assert heights == pytest.approx([highest * each / most for each in bits], abs=0.1)
    if len(bits) > 1:
        assert [each.get("class") for each in lines] == ["usual", "odd", "usual"]
        assert "a <strange> one" in lines[1][0].text


def test_the_event_log_is_what_its_script_writes(root, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(root / "scripts")
    sys.modules.pop("make_event_log", None)
    import make_event_log

    make_event_log.main(tmp_path)
    written = {path.name: path.read_text("utf8") for path in tmp_path.iterdir()}
    stored = {path.name: path.read_text("utf8") for path in (root / "assets" / "events").iterdir()}
    assert {name: stored[name] for name in written} == written
    assert len(json.loads(written["test.odd.json"])) == len(make_event_log.ODD)
