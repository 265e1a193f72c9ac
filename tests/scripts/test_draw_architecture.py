"""The drawings of the architecture are those of today's code."""

from collections import Counter

import pytest

grimp = pytest.importorskip("grimp")
draw_architecture = pytest.importorskip("draw_architecture")

FLOORS = [["up"], ["down"]]
LINES = {"up": "above", "down": "below"}


@pytest.fixture
def graph():
    graph = grimp.ImportGraph()
    for module in ("house.up", "house.up.one", "house.up.two", "house.down", "house.down.one"):
        graph.add_module(module)
    graph.add_import(importer="house.up.one", imported="house.down.one")
    graph.add_import(importer="house.up.two", imported="house.down.one")
    graph.add_import(importer="house.up.two", imported="house.up.one")
    return graph


def test_imports_are_counted_from_room_to_room(graph):
    imports = draw_architecture.find_imports(graph, {"house.up", "house.down"})
    assert imports == {("up", "down"): 2}


def test_each_import_is_an_arc():
    picture = draw_architecture.draw_imports("house", Counter({("up", "down"): 2}), FLOORS, LINES)
    assert picture.count(' arc"') == 1
    assert "<title>up imports down</title>" in picture
    assert "<desc>1 imports, all downwards: up → down.</desc>" in picture


def test_an_import_that_goes_up_is_refused():
    with pytest.raises(ValueError, match="down imports up, which is above it"):
        draw_architecture.draw_imports("house", Counter({("down", "up"): 1}), FLOORS, LINES)


def test_each_room_and_part_is_drawn():
    graph = grimp.build_graph("spacy_rnn", cache_dir=None)
    rooms = {child for child in graph.find_children("spacy_rnn") if graph.find_children(child)}
    assert {f"spacy_rnn.{room}" for room in draw_architecture.ROOMS} == rooms
    assert set(draw_architecture.SHORT) == set(draw_architecture.ROOMS)
    parts = graph.find_children("spacy_rnn.nn")
    assert {f"spacy_rnn.nn.{part}" for part in draw_architecture.NETWORKS} == parts


def test_the_documentation_has_the_drawings_of_today(root):
    command = "python scripts/draw_architecture.py docs/img"
    for name, picture in draw_architecture.draw_all().items():
        committed = (root / "docs" / "img" / f"{name}.svg").read_text("utf8")
        assert committed == picture, f"{name}.svg is out of date: run {command}"


def test_imports_are_printed(capsys):
    draw_architecture.main()
    printed = capsys.readouterr().out.splitlines()
    assert any(line.startswith("pipeline -> architectures: ") for line in printed)
