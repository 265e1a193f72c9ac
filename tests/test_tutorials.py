"""The tutorials run, and what they show is what they print.

After a change, run them again and store what they print:

    OMP_NUM_THREADS=1 python -m nbconvert --to notebook --execute --inplace \
        --ExecutePreprocessor.record_timing=False docs/tutorials/*.ipynb

Training ends with other last digits on another processor, so that numbers may differ a little. Of
cells with "compare": "words" in their metadata all numbers may differ, of those with "compare":
"nothing" words too.
"""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbclient import NotebookClient

TUTORIALS = sorted((Path(__file__).parent.parent / "docs" / "tutorials").glob("*.ipynb"))
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")

# Of packages that run notebooks.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning")


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a reader sees below a cell: text, and the descriptions of pictures."""
    texts = []
    for output in cell.outputs:
        if output.output_type == "stream":
            texts.append(output.text if output.name == "stdout" else "")
        elif "image/svg+xml" in output.data:
            picture = ElementTree.fromstring(output.data["image/svg+xml"])
            texts.append(f"picture: {picture.findtext('{*}title')}")
        else:
            texts.append(output.data["text/plain"])
    return "".join(texts)


def assert_alike(new, stored, compare="numbers"):
    if compare == "nothing":
        assert bool(new) == bool(stored)
        return
    assert NUMBER.sub("#", new).split() == NUMBER.sub("#", stored).split()
    if compare == "numbers":
        expected = [float(number.replace(",", "")) for number in NUMBER.findall(stored)]
        numbers = [float(number.replace(",", "")) for number in NUMBER.findall(new)]
        assert numbers == pytest.approx(expected, rel=0.02, abs=0.05)


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_outputs_are_up_to_date(path, root, tmp_path, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for folder in ("assets", "configs"):
        shutil.copytree(root / folder, tmp_path / folder)
    shutil.copy(root / "project.yml", tmp_path)
    folder = tmp_path / "docs" / "tutorials"
    folder.mkdir(parents=True)
    stored = nbformat.read(path, as_version=4)
    notebook = nbformat.from_dict(stored)
    resources = {"metadata": {"path": str(folder)}}
    NotebookClient(notebook, timeout=600, kernel_name="python3", resources=resources).execute()
    for new, old in zip(code_cells(notebook), code_cells(stored), strict=True):
        assert_alike(shown(new), shown(old), old.metadata.get("compare", "numbers"))


@pytest.mark.parametrize("path", TUTORIALS, ids=lambda path: path.stem)
def test_outputs_are_stored_whole_and_clean(path):
    notebook = nbformat.read(path, as_version=4)
    cells = code_cells(notebook)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [output for output in outputs if output.get("name") == "stderr"]


@pytest.mark.parametrize(
    ("stale", "compare"),
    [("90.0 % right", "numbers"), ("97.8 % wrong", "words"), ("", "nothing")],
)
def test_stale_outputs_are_found(stale, compare):
    assert_alike("97.8 % right", "97.8 % right", compare)
    with pytest.raises(AssertionError):
        assert_alike("97.8 % right", stale, compare)
