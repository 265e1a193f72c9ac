"""What this package is."""

from functools import cache
from importlib.metadata import version


@cache
def package_version() -> str:
    """Return the version of this package.

    RETURNS (str): The version, as it is written to each model.
    """
    return version("spacy-rnn")
