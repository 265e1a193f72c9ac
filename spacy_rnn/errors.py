"""The error of models that cannot be loaded."""


class ModelLoadError(ValueError):
    """A stored model is damaged, incomplete, or does not fit where it was to be loaded.

    Whatever was loaded into is what it was before.

    reason (str): What is wrong, and what to do about it.
    component (str | None): The name of the component, where it is known.
    file (str | None): The file, or the part of the bytes, where it is known.
    """

    def __init__(self, reason: str, component: str | None = None, file: str | None = None):
        super().__init__(reason, component, file)
        self.reason = reason
        self.component = component
        self.file = file

    def __str__(self) -> str:
        what = f'"{self.component}" was not loaded' if self.component else "Nothing was loaded"
        return f"{what} from {self.file}: {self.reason}" if self.file else f"{what}: {self.reason}"
