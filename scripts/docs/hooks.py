"""What MkDocs does not do by itself: generated parts of pages, files of the repository, links.

A line that begins with `> In the repository:` is not on the site.

A line `{% name "argument" %}` stands for what a function of `reference.py` returns, or for a file
of the repository: `{% include "CHANGELOG.md" %}`.

Links are written as they work in the repository, so that pages can be read there too; on the site
those that leave `docs` lead to the repository. Names of registered functions become links to their
reference.
"""

import logging
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

import reference
from docstrings import link_names
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
DIRECTIVE = re.compile(r"^\{% (?P<name>\w+)(?P<arguments>(?: \"[^\"]+\")*) %\}$", re.MULTILINE)
FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(\]\(|^\[[^\]]+\]: )(?!\w+:|[#/<])(?P<target>[^)\s#]+)", re.MULTILINE)
HEADING = re.compile(r"^#.*$", re.MULTILINE)
LIST = re.compile(
    r"<table>\s*<thead>\s*<tr>\s*<th>(?:argument|attribute|method|option|score|setting)</th>.*?</table>",
    re.DOTALL,
)
# What Weasel writes into a page, whose links are relative to project.yml.
GENERATED = re.compile(
    r"^<!-- WEASEL: .* START .*^<!-- WEASEL: .* END .*?$", re.DOTALL | re.MULTILINE
)
ASIDE = re.compile(r"^> In the repository: .*\n", re.MULTILINE)
INCLUDED = {"CHANGELOG.md": "docs/changelog.md", "CONTRIBUTING.md": "docs/contributing.md"}
logger = logging.getLogger("mkdocs.hooks.site")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put in what is generated or included, and set the links right."""
    source = posixpath.join("docs", page.file.src_uri)

    def expand(line: re.Match) -> str:
        arguments = re.findall(r'"([^"]+)"', line["arguments"])
        if line["name"] != "include":
            text = getattr(reference, line["name"])(*arguments)
            return rewrite(text, source, page.file.src_uri, config.repo_url)
        (path,) = arguments
        text = (ROOT / path).read_text(encoding="utf8")
        return rewrite(text, path, page.file.src_uri, config.repo_url)

    def from_root(text: re.Match) -> str:
        return rewrite(text[0], "project.yml", page.file.src_uri, config.repo_url)

    markdown = GENERATED.sub(from_root, ASIDE.sub("", markdown))
    markdown = rewrite(markdown, source, page.file.src_uri, config.repo_url)
    return outside(FENCE, DIRECTIVE.sub(expand, markdown), _link_names)


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Mark the tables that narrow screens show as lists."""
    return LIST.sub(r'<div class="settings">\g<0></div>', html)


def on_env(env: object, config: MkDocsConfig, files: Files) -> None:
    """See to it that all that is registered is in the reference."""
    anchors = {
        anchor
        for file in files.documentation_pages()
        if file.page and file.page.toc
        for item in file.page.toc
        for anchor in _anchors(item)
    }
    for name in reference.names():
        if name not in anchors:
            logger.warning("%s is registered, but on no page of the reference", name)


def on_post_page(output: str, page: Page, config: MkDocsConfig) -> str:
    """Name the dialog of the search, for screen readers: Material does not."""
    return output.replace('role="dialog"', 'role="dialog" aria-label="Search"')


def _anchors(item: object) -> list[str]:
    return [item.id, *(anchor for child in item.children for anchor in _anchors(child))]


def _link_names(text: str) -> str:
    """Link names in running text, not in headings, which are links themselves."""
    return outside(HEADING, text, link_names)


def outside(pattern: re.Pattern, text: str, change: Callable[[str], str]) -> str:
    """Change what lies between the matches of a pattern.

    pattern (re.Pattern): The pattern.
    text (str): The text.
    change (Callable[[str], str]): Changes a part of it.
    RETURNS (str): The changed text.
    """
    parts = []
    position = 0
    for match in pattern.finditer(text):
        parts += [change(text[position : match.start()]), match[0]]
        position = match.end()
    return "".join([*parts, change(text[position:])])


def rewrite(markdown: str, written: str, page: str, repository: str) -> str:
    """Make the links of a text right where its page is.

    markdown (str): The text.
    written (str): The file that its links are relative to, from the repository's root.
    page (str): The page that it is shown on, from `docs`.
    repository (str): The address of the repository.
    RETURNS (str): The text with links that are relative to the page, or lead to the repository.
    """

    def change(link: re.Match) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(written), link["target"]))
        target = INCLUDED.get(target, target)
        if target.startswith("docs/"):
            address = posixpath.relpath(target[len("docs/") :], posixpath.dirname(page) or ".")
        else:
            # The source package has no .git, and not all files.
            if (ROOT / ".git").exists() and not (ROOT / target).exists():
                logger.warning("%s links to %s, which does not exist", written, target)
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            address = f"{repository}/{kind}/main/{target}"
        return link[1] + address

    return outside(FENCE, markdown, lambda text: LINK.sub(change, text))
