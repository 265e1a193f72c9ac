"""The pages are true: their snippets and commands run, and print what the pages show.

For authors of a page of `docs` or of the root. Its blocks run in page order in one folder, a copy
of the project (`assets`, `configs`, `scripts`, `project.yml`) if it has commands:

- `python`: all in one namespace. A `text` block right below is what is printed. Decimals and
  percentages may differ a little, as processors round differently.
- `console`: lines with `$ ` are commands, continued by a backslash; the others are what they print
  on either stream. A line `...` stands for any lines, `...` in a line for any characters; empty
  lines do not count. A command fails if the page shows an error (`✘`), and only then.
- `bash`: commands, without output.
- Any block with a title, such as `tsv title="pairs.tsv"`, is a file that is there from then on.
- `ini`, `yaml`, `toml`, `json`, `jsonl`: see tests/docs/test_settings.py.

What the project's workflows make is there where a page names it, by models that trained for a few
steps, and so are files that a reader has (`STAND_INS` in tests/helpers/scratch_project.py).
What models in `training` print is compared, loosely, where they are the real ones: set
PHRASEBOOK_RUN to a checkout in which `spacy project run train` ran. Of what `NOT_RUN` lists,
options are checked.

    python -m pytest -n 0 tests/docs -k usage/tagging
"""

from pathlib import Path

import pytest
import torch
from page_runner import RUN, PageRunner, find_needs
from pages import Block, find_blocks, find_pages, read_page
from scratch_project import Project
from thinc.api import get_current_ops

PAGES = {page: find_blocks(read_page(page), page) for page in find_pages()}
CHECKED = {"console", "bash", "ini", "json", "jsonl", "python", "toml", "yaml"}
UNCHECKED = {"", "diff", "html", "markdown", "mermaid", "powershell"}
# In an environment of its own: tests/docs/test_packages.py.
ELSEWHERE = {"docs/reuse/packaged-components.md"}


def runs(block: Block) -> bool:
    return block.title is not None or block.language in ("python", "console", "bash")


@pytest.fixture(scope="session")
def project(tmp_path_factory) -> Project:
    """Make a project in which what pages need of its workflows is made once."""
    return Project.create(tmp_path_factory.mktemp("project"), Path(RUN) if RUN else None)


@pytest.fixture
def _settings_of_the_process():
    """Put back what a snippet may set for the whole process."""
    ops, threads = get_current_ops(), torch.get_num_threads()
    use_blis = ops.use_blis
    yield
    ops.use_blis = use_blis
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_settings_of_the_process")
@pytest.mark.parametrize(
    "page", [page for page in PAGES if page not in ELSEWHERE and any(map(runs, PAGES[page]))]
)
def test_snippets_and_commands_run(page, project, tmp_path):
    blocks = [block for block in PAGES[page] if runs(block)]
    folder = tmp_path / "page"
    needs = "\n".join(map(find_needs, blocks))
    if needs:
        project.make(needs)
        running = PageRunner(folder, project.copy(folder))
    else:
        folder.mkdir()
        running = PageRunner(folder, None)
    for block in blocks:
        running.run(block)
    assert not running.failures, "\n\n".join(["", *running.failures])
    if any(block.language == "python" and block.title is None for block in blocks):
        assert "".join(running.printed)


def test_languages_are_known():
    unknown = [
        f"{block.at}: {block.language}"
        for blocks in PAGES.values()
        for block in blocks
        if block.title is None and block.language not in CHECKED | UNCHECKED
    ]
    assert not unknown, "what is checked has a known language, files have a title"
