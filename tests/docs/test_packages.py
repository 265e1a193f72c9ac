"""What the page on packages shows: a wheel is built, installed where it was not made, and used.

Its commands run in an environment of their own, into which pip installs the wheel. It has what
this one has, and no index: what the wheel requires has to be there.
"""

import os
import re
import site
import subprocess
import sysconfig
import venv
from pathlib import Path

import pytest
from console import ENVIRONMENT, find_commands, find_difference
from pages import find_blocks, read_page, write_files

PAGE = "docs/reuse/packaged-components.md"


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> Path:
    """Make an environment that has what this one has."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    lines = [f"import site; site.addsitedir({path!r})\n" for path in site.getsitepackages()]
    (packages / "here.pth").write_text("".join(lines), encoding="utf8")
    return folder


def run_there(environment: Path, text: str, folder: Path) -> str:
    """Run a command of the page; give what it prints on either stream."""
    scripts = environment / ("Scripts" if os.name == "nt" else "bin")
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env={
            **os.environ,
            **ENVIRONMENT,
            "OMP_NUM_THREADS": "1",
            "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=300,
        encoding="utf8",
    )
    assert done.returncode == 0, f"$ {text}\n{done.stdout}"
    return done.stdout


def test_the_page_runs_in_an_environment_of_its_own(environment, tmp_path):
    for block in find_blocks(read_page(PAGE), PAGE):
        write_files([block], tmp_path)
        for command in find_commands(block) if block.language == "console" else ():
            difference = find_difference(command, run_there(environment, command.text, tmp_path))
            assert difference is None, difference
    (metadata,) = environment.rglob("en_travel-1.0.0.dist-info/METADATA")
    assert re.search(r"^Requires-Dist: spacy-rnn[<>=]", metadata.read_text("utf8"), re.MULTILINE)
