"""The error of models that cannot be loaded."""

from .about import package_version


class ModelLoadError(ValueError):
    """A stored model is damaged, incomplete, or does not fit where it was to be loaded.

    Whatever was loaded into is what it was before.

    reason (str): What is wrong, and what to do about it.
    component (str | None): The name of the component, where it is known.
    file (str | None): The file, or the part of the bytes, where it is known.
    saved_by (str | None): The version of this package that saved the model, where it is known.
    """

    def __init__(
        self,
        reason: str,
        component: str | None = None,
        file: str | None = None,
        saved_by: str | None = None,
    ):
        super().__init__(reason, component, file, saved_by)
        self.reason = reason
        self.component = component
        self.file = file
        self.saved_by = saved_by

    def __str__(self) -> str:
        what = f'"{self.component}" was not loaded' if self.component else "A model was not loaded"
        origin = f" from {self.file}" if self.file else ""
        return f"{what}{origin}: {self.reason}{self._advise()}"

    def _advise(self) -> str:
        """Return what to do about a model of another version."""
        if self.saved_by in (None, package_version()):
            return ""
        return (
            f". It was saved by spacy-rnn {self.saved_by}, and this is {package_version()}: "
            f"install that version to load it, or train the model again"
        )
