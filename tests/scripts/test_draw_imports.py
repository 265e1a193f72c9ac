"""The drawing of imports, and the one in the architecture."""

import pytest

grimp = pytest.importorskip("grimp")
draw_imports = pytest.importorskip("draw_imports")


@pytest.fixture
def graph():
    graph = grimp.ImportGraph()
    for module in ("house.up", "house.up.one", "house.up.two", "house.down", "house.down.one"):
        graph.add_module(module)
    graph.add_import(importer="house.up.one", imported="house.down.one")
    graph.add_import(importer="house.up.two", imported="house.down.one")
    graph.add_import(importer="house.up.two", imported="house.up.one")
    return graph


@pytest.mark.parametrize(("counts", "arrow"), [(False, "-->"), (True, "-->|2|")])
def test_arrows_go_from_room_to_room(graph, counts, arrow):
    drawing = draw_imports.draw(graph, {"house.up", "house.down"}, counts)
    lines = ["```mermaid", "flowchart TD", "    down", "    up", f"    up {arrow} down", "```"]
    assert drawing.splitlines() == lines


def test_a_drawing_replaces_the_one_before(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"Above\n{draw_imports.BEGIN}\nold\n{draw_imports.END}\nbelow\n", "utf8")
    draw_imports.main(path)
    once = path.read_text("utf8")
    assert "old" not in once
    assert once.startswith(f"Above\n{draw_imports.BEGIN}\n```mermaid\n")
    assert once.endswith(f"```\n{draw_imports.END}\nbelow\n")
    assert "    pipeline --> architectures\n" in once
    draw_imports.main(path)
    assert path.read_text("utf8") == once


def test_the_architecture_has_the_drawing_of_today(root):
    page = (root / "docs" / "architecture.md").read_text("utf8")
    drawing = draw_imports.draw_all()
    command = "python scripts/draw_imports.py docs/architecture.md"
    assert draw_imports.embed(page, drawing) == page, f"Imports have changed: run {command}"


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="add the lines <!-- imports: begin -->"):
        draw_imports.embed("No marks.", "drawing")
