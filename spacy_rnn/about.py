"""What this package is."""

from functools import cache
from importlib.metadata import version


@cache
def package_version() -> str:
    """Return the version of this package.

    RETURNS (str): The version, as it is written to each model.
    """
    return version("spacy-rnn")


def describe_version(saved_by: object) -> str:
    """Return what to do about a model that another version saved, to be added to an error.

    saved_by (object): The version that saved it, if it is known.
    RETURNS (str): A sentence; nothing if this version did, or it is not known.
    """
    if not isinstance(saved_by, str) or saved_by == package_version():
        return ""
    return (
        f". It was saved by spacy-rnn {saved_by}, and this is {package_version()}: install that "
        f"version to load it, or train the model again"
    )
