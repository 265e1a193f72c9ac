"""Help that can be read, on narrow terminals and wide ones."""

import re

import pytest
from typer.testing import CliRunner

from spacy_rnn.cli.app import app
from spacy_rnn.cli.pages import GROUPS

COMMANDS = [command.name for command in app.registered_commands]


def show_help(*arguments, columns=80):
    result = CliRunner().invoke(app, [*arguments, "--help"], terminal_width=columns)
    assert result.exit_code == 0
    return result.output


def test_every_command_stands_under_one_heading():
    assert sorted(name for names in GROUPS.values() for name in names) == sorted(COMMANDS)


@pytest.mark.parametrize("columns", [80, 120])
def test_the_first_page_has_each_command_with_a_line_and_a_sequence(columns):
    page = show_help(columns=columns)
    for heading, names in GROUPS.items():
        section = page.partition(f"\n{heading}:\n")[2].partition("\n\n")[0]
        assert re.findall(r"^  (\S+)  ", section, re.MULTILINE) == [*names]
    assert "..." not in page.replace("[ARGS]...", "")
    sequence = re.findall(r"^  python -m spacy rnn (\S+)", page, re.MULTILINE)
    assert sequence == ["convert", "convert", "train", "evaluate", "translate", "COMMAND"]
    assert "https://spacy-rnn.github.io" in page


@pytest.mark.parametrize("command", COMMANDS)
def test_each_option_says_what_it_does(command):
    page = show_help(command, columns=120)
    options = page.partition("\nOptions:\n")[2].partition("\n\n")[0]
    texts = re.findall(r"^  -.*?(?:  +|\n +)(\S.*)$", options, re.MULTILINE)
    assert texts
    assert all(len(text) > 5 for text in texts)


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_are_of_the_command_and_have_its_options(command):
    page = show_help(command)
    lines = page.partition("\nExamples:\n")[2].rstrip("\n").split("\n")
    assert all(len(line) <= 80 for line in lines)
    examples = re.sub(r" \\\n +", " ", "\n".join(lines)).split("\n")
    own = [line for line in examples if f" spacy rnn {command} " in f" {line}"]
    assert own
    for example in own:
        for option in re.findall(r" (--?[a-z][a-z-]*)\b", example.partition(command)[2]):
            assert re.search(rf"[ /]{option}[ ,/]", page), option
