"""What MkDocs does not do by itself for this site: files of the repository on pages, and links.

A page may include a file of the repository's root with a line `{% include "CHANGELOG.md" %}`.
Links are written as they work in the repository, so that pages can be read there too; on the site
those that leave `docs` lead to the repository.
"""

import logging
import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
INCLUDE = re.compile(r"^\{% include \"(?P<path>.+)\" %\}$", re.MULTILINE)
FENCE = re.compile(r"^ *(```+|~~~+).*?^ *\1 *$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(\]\(|^\[[^\]]+\]: )(?!\w+:|[#/<])(?P<target>[^)\s#]+)", re.MULTILINE)
logger = logging.getLogger("mkdocs.hooks.links")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Include files of the repository, and lead links that leave the site there."""

    def include(line: re.Match) -> str:
        text = (ROOT / line["path"]).read_text(encoding="utf8")
        return rewrite(text, line["path"], page.file.src_uri, config.repo_url)

    source = posixpath.join("docs", page.file.src_uri)
    return INCLUDE.sub(include, rewrite(markdown, source, page.file.src_uri, config.repo_url))


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
        if target.startswith("docs/"):
            address = posixpath.relpath(target[len("docs/") :], posixpath.dirname(page) or ".")
        else:
            # The source package has no .git, and not all files.
            if (ROOT / ".git").exists() and not (ROOT / target).exists():
                logger.warning("%s links to %s, which does not exist", written, target)
            kind = "tree" if (ROOT / target).is_dir() else "blob"
            address = f"{repository}/{kind}/main/{target}"
        return link[1] + address

    parts = []
    position = 0
    for fence in FENCE.finditer(markdown):
        parts += [LINK.sub(change, markdown[position : fence.start()]), fence[0]]
        position = fence.end()
    return "".join([*parts, LINK.sub(change, markdown[position:])])
