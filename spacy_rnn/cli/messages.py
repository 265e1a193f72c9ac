"""Messages of commands to those who run them."""

import sys
from typing import NoReturn

from wasabi import Printer


def fail(title: str, error: object) -> NoReturn:
    """Print an error on standard error, and end with exit code 1.

    title (str): What could not be done.
    error (object): Why, and the way out.
    """
    # As it is: wasabi breaks lines anywhere, within paths too.
    print(f"{Printer(no_print=True).fail(title)}\n{error}", file=sys.stderr)
    sys.exit(1)


def warn(message: str) -> None:
    """Print a warning on standard error.

    message (str): What may be wrong.
    """
    print(Printer(no_print=True).warn(message), file=sys.stderr)


def note(message: str) -> None:
    """Print what was done on standard error, where it does not run into a result.

    message (str): What was done.
    """
    print(Printer(no_print=True).good(message), file=sys.stderr)


def unquote(argument: str) -> str:
    """Take the quotes off an argument.

    On Windows the commands of a spaCy project arrive with the quotes around their arguments.

    argument (str): The argument.
    RETURNS (str): The argument without them.
    """
    return argument.strip('"')


def unquote_corpus(paths: list[str], title: str) -> list[str]:
    """Take the quotes off the paths of a corpus and of the file that is made of it.

    paths (list[str]): The paths, the last one that of the file to write.
    title (str): What failed, if there is only one: that ends the command.
    RETURNS (list[str]): At least two paths.
    """
    paths = [unquote(path) for path in paths]
    if len(paths) < 2:
        fail(title, f"Only {paths[0]!r} is given: name the .spacy file to write last")
    return paths
