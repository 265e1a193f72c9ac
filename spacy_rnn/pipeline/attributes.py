"""Custom attributes that only one component of a pipeline may write."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from spacy.language import Language
from spacy.pipeline import TrainablePipe


class AttributeOwner(TrainablePipe):
    """A component whose attributes another one of its kind would overwrite.

    A sourced component passes no factory. But whenever spaCy changes or loads a pipeline, it shows
    each component that others can listen to, by having these attributes
    (`spacy.ty.ListenedToComponent`), all those that come after it. Nothing can listen here.
    """

    setting: str
    """The setting that the names of its attributes follow from."""

    listeners: Sequence[Any] = ()
    listening_components: Sequence[str] = ()
    listener_map: Mapping[str, Sequence[Any]] = MappingProxyType({})

    @property
    def written(self) -> str:
        """str: The attribute of documents that the component writes."""
        raise NotImplementedError

    def find_listeners(self, component: Any) -> None:
        """Refuse a component that comes later in the pipeline and writes the same attribute.

        component (Any): The component.
        RAISES (ValueError): If it does.
        """
        if component is self:
            raise ValueError(
                f'One component is in the pipeline twice, the second time as "{self.name}", and '
                f"would write to doc._.{self.written} twice: source it once"
            )
        if isinstance(component, type(self)) and component.written == self.written:
            raise ValueError(_clash(self, component.name))

    def add_listener(self, listener: Any, component_name: str) -> None:
        """Refuse to be listened to.

        listener (Any): The layer that listens.
        component_name (str): The name of its component.
        RAISES (NotImplementedError): Always.
        """
        raise NotImplementedError(f'Nothing can listen to "{self.name}"')

    def remove_listener(self, listener: Any, component_name: str) -> bool:
        """Remove a listener, of which there is none.

        listener (Any): The layer that listens.
        component_name (str): The name of its component.
        RETURNS (bool): Whether it was there: never.
        """
        return False


def check_owner(nlp: Language, component: AttributeOwner) -> None:
    """Refuse a new component whose attribute another one of the pipeline writes.

    nlp (Language): The pipeline.
    component (AttributeOwner): The component, which is not in the pipeline yet.
    RAISES (ValueError): If there is one.
    """
    for _, other in nlp.pipeline:
        if isinstance(other, type(component)) and other.written == component.written:
            raise ValueError(_clash(other, component.name))


def _clash(first: AttributeOwner, second: str) -> str:
    setting = first.setting
    return (
        f'"{first.name}" and "{second}" would both write to doc._.{first.written}: give one of '
        f"them another {setting}, or remove one. One that is sourced gets another {setting} by "
        f'spacy.load(path, config={{"components.{first.name}.{setting}": "another"}})'
    )
