"""Shell completion of spaCy's commands and those of this package."""

from spacy.cli._util import COMMAND, Arg
from typer.completion import get_completion_script

from .messages import fail

SHELLS = ("bash", "zsh", "fish")
EXAMPLES = """
spacy rnn completion bash >> ~/.bashrc
spacy rnn completion zsh > ~/.zfunc/_spacy
spacy rnn completion fish > ~/.config/fish/completions/spacy.fish
"""


def completion_cli(
    shell: str = Arg(..., help=f"Shell: {', '.join(SHELLS)}"),
) -> None:
    """Print a script that completes spacy commands in a shell.

    It completes commands, options and paths of the command `spacy`, spaCy's
    own commands as well, once the shell has read it.
    """
    if shell not in SHELLS:
        fail("No completion", f"shell is {shell!r}: choose one of {', '.join(SHELLS)}")
    print(make_script(shell))


def make_script(shell: str) -> str:
    """Make a script that completes spacy commands.

    That of spaCy's own option --show-completion is broken: in it stands the command `python -m
    spacy`, with its spaces, where the name of a variable has to be.

    shell (str): One of `SHELLS`.
    RETURNS (str): The script.
    """
    variable = f"_{COMMAND.replace('.', '_')}_COMPLETE".replace("-", "_").upper()
    escaped = variable.replace(" ", "\\ ")
    return get_completion_script(prog_name="spacy", complete_var=escaped, shell=shell)
