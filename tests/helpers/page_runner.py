"""What a page shows is run, and held against what the page says of it."""

import contextlib
import io
import os
import re
import traceback
from pathlib import Path

from console import Command, check_options, compare, find_commands, find_difference, run
from pages import ROOT, Block, write_files
from scratch_project import Project, is_training, shorten

RUN = os.environ.get("PHRASEBOOK_RUN")

# Commands that are not run here, and why not.
NOT_RUN = {
    r"(python -m )?pip ": "installs from an index",
    r"(python -m )?spacy project assets": "downloads",
    r"python -m spacy rnn convert .* --split ": "downloads",
    r"python benchmarks/": "measures for minutes; tests/test_benchmarks.py runs it on little data",
    r"python -m pytest": "runs this test",
    r"python3 -m venv": "installs in an environment of its own; .ci/run runs these lines",
}


def is_run(command: Command) -> bool:
    return not any(re.match(pattern, command.text) for pattern in NOT_RUN)


def find_needs(block: Block) -> str:
    """Find in a block what names files that it needs."""
    if block.title is not None:
        return ""
    if block.language == "python":
        return block.text if "training/" in block.text else ""
    return "\n".join(command.text for command in find_commands(block) if is_run(command))


class PageRunner:
    """Run the blocks of a page one after the other, and collect what fails.

    folder (Path): Where they run.
    project (Project | None): The project of which the folder is a copy.
    """

    def __init__(self, folder: Path, project: Project | None):
        self.folder = folder
        self.project = project
        self.namespace: dict = {"__name__": "__main__"}
        self.printed: list[str] = []
        self.failures: list[str] = []
        # Made by models that trained for a few steps, and with them all that Python does.
        self.unlike: set[str] = set()
        self.python_trained = self.python_unlike = False

    def run(self, block: Block) -> None:
        if block.title is not None:
            write_files([block], self.folder)
        elif block.language == "python":
            self.run_python(block)
        else:
            for command in find_commands(block):
                self.run_command(command)

    def run_python(self, block: Block) -> None:
        self.python_trained |= "training/" in block.text
        self.python_unlike = self.python_trained and not RUN
        output = io.StringIO()
        code = "\n" * block.line + block.text  # Tracebacks name the lines of the page.
        try:
            with contextlib.redirect_stdout(output), contextlib.chdir(self.folder):
                exec(compile(code, block.page, "exec"), self.namespace)
        except Exception:
            self.failures.append(f"{block.at}\n{traceback.format_exc(limit=-3)}")
            return
        self.printed.append(output.getvalue())
        if block.output is not None and not self.python_unlike:
            shown, printed = block.output.splitlines(), output.getvalue().splitlines()
            if difference := compare(block.at, shown, printed, self.python_trained):
                self.failures.append(difference)

    def run_command(self, command: Command) -> None:
        if not is_run(command):
            if problem := check_options(command, ROOT):
                self.failures.append(f"{command.at}: $ {command.text}\n{problem}")
            return
        words = command.words
        trained = self.find_trained(words)
        alike = self.is_alike(words, trained)
        new = {word for word in words if not (self.folder / word).exists()}
        if failure := self.run_workflow(command):
            self.failures.append(f"{command.at}: {failure}")
        elif failure is None:
            status, printed = run(shorten(command.text), self.folder)
            if bool(status) != ("✘" in command.output):  # Pages show errors, too.
                self.failures.append(f"{command.at}: $ {command.text}\nstatus {status}\n{printed}")
            elif alike and (difference := find_difference(command, printed, bool(trained))):
                self.failures.append(difference)
        if not alike:
            self.unlike |= {word for word in new if (self.folder / word).is_file()}

    def find_trained(self, words: list[str]) -> list[str]:
        """Find what a command reads of what trainings have left."""
        trained = [word for word in words if word.startswith(("training/", "metrics/"))]
        if words[2:5] == ["spacy", "project", "run"]:
            trained.append("training/phrasebook/model-best")
        return [word for word in trained if (self.folder / word).exists()]

    def is_alike(self, words: list[str], trained: list[str]) -> bool:
        """Whether a command prints here what it prints for a reader."""
        if self.unlike & set(words) or is_training(words):
            return False
        return all(RUN and (Path(RUN) / word).exists() for word in trained)

    def run_workflow(self, command: Command) -> str | None:
        """Run a workflow with training; give what fails, "" if nothing does, None for others."""
        match = re.match(r"(python -m )?spacy project run (?!translate|package)", command.text)
        if match is None or self.project is None:
            return None
        return self.project.run_workflow(command.words[len(match[0].split()) :]) or ""
