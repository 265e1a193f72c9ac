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


def unquote(argument: str) -> str:
    """Take the quotes off an argument.

    On Windows the commands of a spaCy project arrive with the quotes around their arguments.

    argument (str): The argument.
    RETURNS (str): The argument without them.
    """
    return argument.strip('"')
