"""What is wrong on a page is found."""

import pytest
from console import Command, check_options, find_commands, find_difference, is_alike, run
from page_runner import PageRunner
from pages import ROOT, find_blocks

PAGE = """
1. In a list:

    ```python title="used.py"
    a = 1
    ```

!!! note

    ```console
    $ echo one \\
          two
    one two
    $ echo three
    ```

```python
print(1)
```

```text
1
```
"""


def run_page(text, folder):
    runner = PageRunner(folder, None)
    for block in find_blocks(text, "page.md"):
        runner.run(block)
    return runner.failures


def test_blocks_are_found():
    file, console, python = find_blocks(PAGE, "page.md")
    assert (file.language, file.title, file.text, file.line) == ("python", "used.py", "a = 1\n", 4)
    assert (console.language, console.at) == ("console", "page.md:10")
    assert (python.language, python.output) == ("python", "1\n")


def test_output_stands_right_below_its_code():
    *_, last = find_blocks(PAGE.replace("```text", "prints\n\n```text"))
    assert last.language == "text"


def test_commands_are_found():
    first, second = find_commands(find_blocks(PAGE, "page.md")[1])
    assert (first.text, first.output, first.at) == ("echo one two", "one two\n", "page.md:11")
    assert (second.text, second.output) == ("echo three", "")
    (block,) = find_blocks("```bash\n# No command.\nls; ls \\\n  a\nls\n```")
    assert [command.text for command in find_commands(block)] == ["ls; ls a", "ls"]


def test_a_page_without_faults_has_none(tmp_path):
    assert run_page(PAGE, tmp_path) == []
    assert (tmp_path / "used.py").is_file()


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("print(1)", "print(2)", ["page.md:17", "-1", "+2"]),
        ("print(1)", "print(one)", ["page.md:17", 'File "page.md", line 18', "NameError"]),
        ("print(1)", "print(", ["page.md:17", "SyntaxError"]),
        ("echo three", "false", ["page.md:14: $ false", "status 1"]),
        ("one two\n", "one\n", ["page.md:11", "-one", "+one two"]),
        ("echo three", "python -m spacy rnn infos", ["page.md:14", "No such command 'infos'"]),
        ("echo three", "python missing.py", ["page.md:14", "missing.py"]),
        ("echo three", "pip install --none x", ["page.md:14: $ pip install", "status 2"]),
    ],
)
def test_faults_are_found(right, wrong, said, tmp_path):
    assert right in PAGE
    (failure,) = run_page(PAGE.replace(right, wrong), tmp_path)
    assert all(part in failure for part in said), failure


@pytest.mark.parametrize(
    ("shown", "printed", "same"),
    [
        ("", "a", True),
        ("a", "a", True),
        ("a", "a\n\n", True),
        ("a", "\x1b[1ma\x1b[0m", True),
        ("a", "5%\r100%\ra", True),
        ("a", "b", False),
        ("a", "a\nb", False),
        ("a\n...", "a\nb\nc", True),
        ("a\n...\nc", "a\nc", True),
        ("a\n...\nc", "a\nb", False),
        ("took ... s", "took 2.3 s", True),
        ("took   ... s", "took 123 s", True),
        ("took ... s", "took 2.3 ms\n1 s", False),
        ("a", "[2026-01-01 00:00:00,000] [WARNING] b\na", True),
        ("[...] [WARNING] c\na", "[2026-01-01 00:00:00,000] [WARNING] b\na", False),
    ],
)
def test_what_is_printed_is_compared(shown, printed, same):
    assert (find_difference(Command("command", "page", shown), printed) is None) == same


@pytest.mark.parametrize(
    ("shown", "printed", "alike"),
    [
        ("score 0.82", "score 0.80", True),
        ("score 0.82", "score 0.79", False),
        ("score -0.82", "score 0.82", False),
        ("89 % right", "87 % right", True),
        ("89 % right", "86 % right", False),
        ("perplexity 11.93", "perplexity 11.75", True),
        ("perplexity 11.93", "perplexity 11.5", False),
        ("3 names", "4 names", False),
        ("3 names", "3 words", False),
    ],
)
def test_other_processors_round_otherwise(shown, printed, alike):
    assert is_alike(["first", shown], ["first", printed]) == alike


def test_another_training_may_find_other_words():
    shown = ["Text   Translation", "...", "Nice to meet you.   Freut mich.   -0.18"]
    assert is_alike(shown, ["Text   Translation", "Nice to meet you.   Freut uns.   -1"], True)
    assert not is_alike(shown, ["Text", "Nice.   Ich freue mich.   -0.18"], True)
    assert not is_alike(shown, [], True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("python -m spacy project assets", None),
        ("python -m spacy rnn info --none", "No such option"),
        ("python -m spacy project nothing", "No such command 'nothing'"),
        ("python -m pip install -c constraints.txt '.[test]'", None),
        ("python -m pip install --none", "status 2"),
        ("python benchmarks/startup.py --rounds 1", None),
        ("python benchmarks/startup.py --none", "unrecognized arguments: --none"),
        ("python benchmarks/missing.py", "missing.py"),
        ("python3 -m venv .venv && python -m pip install .", None),
        ("python3 -m venv .venv && python -m pip install --none", "status 2"),
    ],
)
def test_options_of_what_is_not_run_are_checked(text, said):
    problem = check_options(Command(text, "page"), ROOT)
    assert problem is None if said is None else said in problem


def test_commands_run_as_in_a_terminal(tmp_path):
    (tmp_path / "in.txt").write_text("line\n", encoding="utf8")
    (tmp_path / "copy.py").write_text("print(input())", encoding="utf8")
    assert run("python copy.py < in.txt > out.txt", tmp_path) == (0, "")
    assert (tmp_path / "out.txt").read_text(encoding="utf8") == "line\n"
    assert run("cat out.txt | wc -l", tmp_path) == (0, "1\n")
    status, printed = run("python -m spacy rnn info --help", tmp_path)
    assert status == 0
    assert "Usage: python -m spacy rnn info" in printed
