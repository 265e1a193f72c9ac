"""Help that reads like a page: commands in groups, and examples as they are typed."""

from typing import Any

from typer.core import TyperCommand, TyperGroup

GROUPS = {
    "Prepare and train": ("convert", "train", "average", "distill", "quantize"),
    "Measure": ("evaluate", "report", "info"),
    "Use": ("translate", "project", "find-anomalies"),
    "Set up": ("completion",),
}
"""dict[str, tuple[str, ...]]: The names of commands by the heading that they stand under."""
DOCS = "https://spacy-rnn.github.io/spacy-rnn/usage/command-line"
LONGEST = 200
"""Characters of a line of help, which is broken and not cut off."""


class CommandPage(TyperCommand):
    """A command whose epilog is its examples."""

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples as they are.

        ctx (Any): The context of the command.
        formatter (Any): Writes the page.
        """
        _write_examples(formatter, "Examples", self.epilog)


class GroupPage(TyperGroup):
    """Commands in groups, whose epilog is a usual sequence of them."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands with a line on each, below the headings of their groups.

        ctx (Any): The context of the command.
        formatter (Any): Writes the page.
        """
        width = max(map(len, self.commands))
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                lines = [self.commands[name].get_short_help_str(LONGEST) for name in names]
                formatter.write_dl(
                    [(f"{name:{width}}", line) for name, line in zip(names, lines, strict=True)]
                )

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the sequence, and where the documentation is.

        ctx (Any): The context of the command.
        formatter (Any): Writes the page.
        """
        _write_examples(formatter, "From texts to translations", self.epilog)
        with formatter.section("Help on a command"):
            formatter.write_text("python -m spacy rnn COMMAND --help")
        with formatter.section("Documentation"):
            formatter.write_text(DOCS)


def _write_examples(formatter: Any, heading: str, examples: str | None) -> None:
    """Write commands line by line: they are to be copied, so that no line is broken."""
    with formatter.section(heading):
        for line in (examples or "").strip().splitlines():
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")
