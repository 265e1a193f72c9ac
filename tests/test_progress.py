"""Bars on terminals, and nothing elsewhere."""

import gzip
import re
import subprocess
import sys

import pytest
from terminal import run_on_terminal

from spacy_rnn.pipeline import examples

SETUP = """
import sys, time
from spacy_rnn import progress
from spacy_rnn.progress import show, track
progress.DELAY, progress.REFRESH = 0.3, 0.1
def work(number=40, total=None):
    for item in track(range(number), "Working", total):
        time.sleep(0.03)
"""
TIME_LEFT = re.compile(r"Working: +\d+%\|[^\r]*\| \d+/40 \[00:0\d<00:0\d, .* texts/s\]")


def is_erased(shown):
    """Whether the last line is one of spaces, with the cursor at its beginning."""
    return re.search(r"\r +\r$", shown) is not None


def test_a_bar_shows_the_time_left_and_is_erased():
    shown, printed = run_on_terminal("-c", SETUP + "work(40, 40)", errors_only=True)
    assert TIME_LEFT.search(shown)
    assert is_erased(shown)
    assert printed == ""


def test_without_a_number_a_bar_counts():
    shown, _ = run_on_terminal("-c", SETUP + "work()")
    assert re.search(r"Working: \d+ texts \[00:0\d, .* texts/s\]", shown)
    assert "<" not in shown


def test_what_tells_nothing_of_itself_shows_the_time():
    shown, _ = run_on_terminal("-c", SETUP + "with show('Learning'): time.sleep(1.5)")
    assert "Learning [00:00]" in shown
    assert "Learning [00:01]" in shown
    assert is_erased(shown)


def test_nothing_is_shown_before_the_delay():
    assert run_on_terminal("-c", SETUP + "progress.DELAY = 30; work(40, 40)") == ("", "")


def test_nothing_is_shown_where_there_is_no_terminal():
    done = subprocess.run([sys.executable, "-c", SETUP + "work(40, 40)"], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_bars_can_be_switched_off():
    assert run_on_terminal("-c", SETUP + "work(40, 40)", TQDM_DISABLE="1") == ("", "")


@pytest.mark.parametrize("error", ["ValueError", "KeyboardInterrupt"])
def test_an_error_leaves_no_bar(error):
    code = SETUP + (
        f"try:\n"
        f"    for item in track(range(40), 'Working', 40):\n"
        f"        time.sleep(0.03)\n"
        f"        if item == 35: raise {error}\n"
        f"except {error}: time.sleep(0.3)\n"
    )
    shown, _ = run_on_terminal("-c", code)
    assert TIME_LEFT.search(shown)
    assert is_erased(shown)


def test_a_bar_within_another_one_is_not_shown():
    code = SETUP + (
        "from tqdm import tqdm\n"
        "with tqdm(desc='Theirs', total=3): work(40, 40)\n"
        "with show('Ours', 3, 'texts'): work(40, 40)\n"
        "work(40, 40)\n"
    )
    shown, _ = run_on_terminal("-c", code)
    theirs, _, rest = shown.partition("Ours")
    ours, working, _ = rest.partition("Working")
    assert "Theirs" in theirs
    assert "Working" not in theirs + ours
    assert working


def test_other_processes_are_silent():
    code = SETUP + (
        "from multiprocessing import get_context\n"
        "process = get_context('fork').Process(target=work, args=(40, 40))\n"
        "process.start(); process.join(); print(process.exitcode)\n"
    )
    assert run_on_terminal("-c", code) == ("0\r\n", "")


@pytest.mark.parametrize("name", ["lines.txt", "lines.txt.gz"])
def test_lines_of_a_file_go_by_its_bytes(tmp_path, name):
    path = tmp_path / name
    text = "".join(f"{number:0999d}\n" for number in range(40)).encode()
    path.write_bytes(gzip.compress(text, 0) if name.endswith("gz") else text)
    code = SETUP + (
        f"from pathlib import Path\n"
        f"from spacy_rnn.training.readers.files import read_lines\n"
        f"for _ in track(read_lines(Path({str(path)!r})), 'Reading'): time.sleep(0.03)\n"
        f"print(progress._followed)\n"
    )
    shown, _ = run_on_terminal("-c", code)
    parts = [int(part) for part in re.findall(r"Reading: +(\d+)%\|[^\r]*k/39\.\dk \[", shown)]
    assert parts == sorted(parts)
    assert parts[0] < 60 < 90 < parts[-1]
    assert shown.endswith("[]\r\n")


def test_the_number_of_examples_is_known_from_the_second_reading_on(monkeypatch):
    totals = []

    def track(items, doing, total):
        totals.append(total)
        return items

    def get_examples():
        return iter("abc")

    monkeypatch.setattr(examples, "track", track)
    for _ in range(2):
        assert [*examples.track_examples(get_examples, "Reading")] == [*"abc"]
    assert totals == [None, 3]
    # What cannot be remembered is read all the same.
    assert [*examples.track_examples(bytearray(b"ab").copy, "Reading")] == [*b"ab"]


def test_commands_show_bars_on_standard_error_alone(tmp_path):
    """Of a conversion, at once."""
    (tmp_path / "lines.txt").write_text("A line.\n" * 1000, encoding="utf8")
    code = (
        f"import os; os.chdir({str(tmp_path)!r})\n"
        f"from spacy_rnn import progress\n"
        f"from spacy_rnn.cli.app import app\n"
        f"progress.DELAY = 0\n"
        f"app(['convert', 'lines.txt', 'lines.spacy', '--no-translation'])\n"
    )
    shown, printed = run_on_terminal("-c", code, errors_only=True)
    assert re.search(r"Converting lines\.txt: +\d+%\|.*/7\.81k \[00:00<", shown)
    assert "Documents written to lines.spacy: 1000" in printed
    assert "Converting" not in printed
