"""The pages of the documentation, and the fenced blocks in them."""

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Block:
    """A fenced block of a page.

    page (str): The page's path, from the root of the project.
    line (int): The number of the line with the fence.
    language (str): What follows the fence.
    title (str | None): The file that the block is, if it is one.
    text (str): What is in the block.
    output (str | None): The block of language "text" right after this one.
    """

    page: str
    line: int
    language: str
    title: str | None
    text: str
    output: str | None = None

    @property
    def at(self) -> str:
        return f"{self.page}:{self.line}"


def find_pages() -> list[str]:
    """Find the pages of the root and of `docs`."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(path.relative_to(ROOT).as_posix() for path in paths)


def read_page(page: str) -> str:
    """Read a page's source."""
    return (ROOT / page).read_text(encoding="utf8")


def find_blocks(text: str, page: str = "") -> list[Block]:
    """Find a page's fenced blocks, those in lists, admonitions and tabs among them."""
    blocks: list[Block] = []
    previous_end = None
    for line, end, block in _find_fences(text, page, 0):
        if block.language == "text" and block.title is None and line == previous_end and blocks:
            last = blocks.pop()
            block = Block(page, last.line, last.language, last.title, last.text, output=block.text)
        blocks.append(block)
        previous_end = end
    return blocks


def write_files(blocks: Iterable[Block], folder: Path) -> None:
    """Write the files that blocks are."""
    for block in blocks:
        if block.title is not None:
            path = folder / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf8")


def _find_fences(text: str, page: str, above: int) -> Iterator[tuple[int, int, Block]]:
    """Yield fences with their first line and that of the next block."""
    lines = text.split("\n")
    for token in MarkdownIt("commonmark").parse(text):
        if token.type not in ("fence", "code_block"):
            continue
        start, end = token.map
        if token.type == "code_block":  # What is indented below `!!! note` and `=== "tab"`.
            yield from _find_fences(token.content, page, above + start)
            continue
        while end < len(lines) and not lines[end].strip():
            end += 1
        language, *settings = shlex.split(token.info.strip("{} ")) or [""]
        named = dict(setting.split("=", 1) for setting in settings if "=" in setting)
        block = Block(
            page, above + start + 1, language.strip("."), named.get("title"), token.content
        )
        yield above + start, above + end, block
