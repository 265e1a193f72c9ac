"""Commands as pages show them: found in blocks, run as in a terminal, held against their output.

Python starts from a process that has imported spaCy and torch already.
"""

import argparse
import difflib
import os
import re
import runpy
import shlex
import subprocess
import sys
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

from pages import Block

ENVIRONMENT = {"ANSI_COLORS_DISABLED": "1", "COLUMNS": "100", "NO_COLOR": "1", "PYTHONUTF8": "1"}
ANY = "..."
_WORD = re.compile(r"[^\W\d_]+")
NUMBER = re.compile(r"(-?\d+\.\d+|\d+(?= ?%))")
LOG = re.compile(r"\] \[(INFO|WARNING)\] ")


@dataclass(frozen=True)
class Command:
    """A command of a page.

    text (str): The command, in one line.
    at (str): The page and the number of its line.
    output (str): What the page shows below it, if anything.
    """

    text: str
    at: str
    output: str = ""

    @property
    def words(self) -> list[str]:
        """The command's words, without what only a reader needs."""
        return shlex.split(self.text, comments=True)


def find_commands(block: Block) -> list[Command]:
    """Find the commands of a block of language "console" or "bash"."""
    commands: list[Command] = []
    lines = enumerate(block.text.splitlines(), block.line + 1)
    prompt = "$ " if block.language == "console" else ""
    for number, line in lines:
        at = f"{block.page}:{number}"
        if prompt and not line.startswith(prompt):
            assert commands, f"{at}: output before any command, which begin with '$ '"
            commands[-1] = replace(commands[-1], output=f"{commands[-1].output}{line}\n")
        elif line.strip() and not line.startswith("#"):
            parts = [line.removeprefix(prompt)]
            while parts[-1].endswith("\\"):
                parts[-1] = parts[-1][:-1].rstrip()
                parts.append(next(lines)[1].strip())
            commands.append(Command(" ".join(parts), at))
    return commands


def find_difference(command: Command, printed: str, trained: bool = False) -> str | None:
    """Compare what a page shows with what was printed; give a diff, or None if there is none.

    A line `...` stands for any lines, and `...` in a line, with the spaces before it, for any
    characters. Empty lines do not count, and neither do lines of a log where the page shows none.
    """
    if not command.output:
        return None
    shown = [line.rstrip() for line in command.output.splitlines() if line.strip()]
    lines = _clean(printed)
    if not any(LOG.search(line) for line in shown):
        lines = [line for line in lines if not LOG.search(line)]
    return compare(f"{command.at}: $ {command.text}", shown, lines, trained)


def compare(at: str, shown: list[str], printed: list[str], trained: bool = False) -> str | None:
    """Compare lines of a page with what was printed; give a diff, or None if they are alike."""
    if is_alike(shown, printed, trained):
        return None
    diff = difflib.unified_diff(shown, printed, "on the page", "printed", lineterm="")
    return f"{at}\n" + "\n".join(diff)


def is_alike(shown: list[str], printed: list[str], trained: bool = False) -> bool:
    """Whether lines are those of a page, but for the rounding of another processor.

    After a few steps there, a network has other weights in the last digits: decimals and
    percentages may differ by two in the last digit that is shown, or by two per cent. After a
    whole training it is another network: all numbers may differ, and two words of five.
    """
    if trained:
        there, here = (
            [word for line in lines for word in _WORD.findall(line)] for lines in (shown, printed)
        )
        matcher = difflib.SequenceMatcher(None, there, here, autojunk=False)
        return sum(block.size for block in matcher.get_matching_blocks()) >= 0.6 * len(there)
    pattern, numbers = "", []
    for line in shown:
        if line == ANY:
            pattern += r"(?:.*\n)*?"
            continue
        for number, part in enumerate(NUMBER.split(line)):
            if number % 2:
                numbers.append(part)
                pattern += r"(-?\d+(?:\.\d+)?)"
            else:
                pattern += ".*?".join(map(re.escape, re.split(r" *\.\.\.", part)))
        pattern += "\n"
    match = re.fullmatch(pattern, "".join(f"{line}\n" for line in printed))
    return match is not None and all(
        abs(float(there) - float(here))
        <= max(2.001 * 10 ** -len(there.partition(".")[2]), abs(0.02 * float(there)))
        for there, here in zip(numbers, match.groups(), strict=True)
    )


def _clean(printed: str) -> list[str]:
    """Drop colours, what a progress bar wrote over, and empty lines."""
    text = re.sub(r"\x1b\[[\d;]*m", "", printed)
    lines = (line.rstrip("\r").rsplit("\r", 1)[-1].rstrip() for line in text.split("\n"))
    return [line for line in lines if line]


def run(text: str, folder: Path, timeout: float = 600) -> tuple[int, str]:
    """Run a command in a folder; give its status and what it prints on either stream."""
    return _run_warm(text, folder, timeout) or _run_shell(text, folder, timeout)


def check_options(command: Command, folder: Path) -> str | None:
    """Have a command that is not run parse its options; give what it objects to."""
    parts = command.text.split(" && ")
    if len(parts) > 1:
        problems = (check_options(replace(command, text=part), folder) for part in parts)
        return next(filter(None, problems), None)
    words = command.words
    words = words[2:] if words[:2] == ["python", "-m"] else words
    if words[0] == "pip":
        from pip._internal.commands import create_command

        try:
            create_command(words[1]).parse_args(words[2:])
        except SystemExit as error:
            return f"status {error.code}"
    elif words[0] in ("python", "spacy"):
        status, printed = _run_warm(command.text, folder, 60, parse_alone=True) or (1, "")
        return printed if status else None
    return None


def _run_shell(text: str, folder: Path, timeout: float) -> tuple[int, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env={**os.environ, **ENVIRONMENT, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=timeout,
        encoding="utf8",
    )
    return done.returncode, done.stdout


def _run_warm(
    text: str, folder: Path, timeout: float, parse_alone: bool = False
) -> tuple[int, str] | None:
    """Run Python in a fork of a process that has imported most of it; None for the rest."""
    parts = _split_redirections(text)
    if parts is None or parts[0][0] not in ("python", "spacy") or "-c" in parts[0][1:2]:
        return None
    words, files = parts
    if "project" in words and not parse_alone:  # It knows the folder in which it was imported.
        return None
    arguments = ["-m", "spacy", *words[1:]] if words[0] == "spacy" else words[1:]
    output = folder / ".output"
    process = _get_processes().Process(
        target=_run_python, args=(arguments, files, folder, output, parse_alone)
    )
    process.start()
    process.join(timeout)
    if process.is_alive():
        process.kill()
        process.join()
    printed = output.read_text(encoding="utf8", errors="replace")
    output.unlink()
    return process.exitcode or 0, printed


def _split_redirections(text: str) -> tuple[list[str], dict[str, str]] | None:
    """Split a command into words and the files of `<` and `>`; None if it needs a shell."""
    if re.search(r"[$`*~]", text):
        return None
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    tokens = iter(lexer)
    words: list[str] = []
    files: dict[str, str] = {}
    for token in tokens:
        if token in ("<", ">"):
            files[token] = next(tokens)
        elif re.fullmatch(r"[();<>|&]+", token):
            return None
        else:
            words.append(token)
    return words, files


def _get_processes():
    processes = get_context("forkserver")
    processes.set_forkserver_preload(["torch", "spacy.cli", "spacy_rnn.cli.app"])
    return processes


def _run_python(
    arguments: list[str], files: dict[str, str], folder: Path, output: Path, parse_alone: bool
) -> None:
    """Do what `python` does with arguments, in this process."""
    os.chdir(folder)
    os.environ.update(ENVIRONMENT)
    targets = [(output, os.O_WRONLY, 1), (output, os.O_WRONLY, 2)]
    targets += [(Path(files["<"]), os.O_RDONLY, 0)] if "<" in files else []
    targets += [(Path(files[">"]), os.O_WRONLY | os.O_TRUNC, 1)] if ">" in files else []
    for path, mode, stream in targets:
        flags = mode | (0 if mode == os.O_RDONLY else os.O_CREAT | os.O_APPEND)
        os.dup2(os.open(path, flags, 0o644), stream)
    sys.stdin = os.fdopen(0, encoding="utf8")
    sys.stdout = os.fdopen(1, "w", encoding="utf8", buffering=1)
    sys.stderr = os.fdopen(2, "w", encoding="utf8", buffering=1)
    if parse_alone:
        _parse_alone()
    import torch

    torch.set_num_threads(1)
    if arguments[0] == "-m":
        sys.path[0] = str(folder)
        sys.argv = arguments[1:]
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = str((folder / arguments[0]).parent)
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")


def _parse_alone() -> None:
    """From now on commands of spaCy, and scripts, end once they have parsed their options."""
    import spacy.cli._util
    import typer.main

    def make(app):
        groups = [command := typer.main.get_command(app)]
        while groups:
            for each in groups.pop().commands.values():
                if hasattr(each, "commands"):
                    groups.append(each)
                else:
                    each.callback = lambda **_: None
        return command

    parser = argparse.ArgumentParser
    parse_args, parse_known_args = parser.parse_args, parser.parse_known_args

    def parse(*given):
        parser.parse_known_args = parse_known_args  # Which the other calls.
        parse_args(*given)
        sys.exit()

    def parse_known(*given):
        parse_known_args(*given)
        sys.exit()

    spacy.cli._util.get_command = make
    parser.parse_args, parser.parse_known_args = parse, parse_known
