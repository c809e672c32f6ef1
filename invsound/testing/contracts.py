"""Test suites to inherit: one test per law."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from ..hooks import registry
from ..signal import Signal
from .commands import Called
from .examine import subject_of  # where the laws are declared
from .law import PACKAGE_LAWS, PART_LAWS, Law
from .package import Package
from .subject import Subject


class Contract:
    """One part under test: a subclass for pytest names it.

    A law that a part cannot keep is overridden by a method of the same name, with the reason in it.
    """

    part: ClassVar[str]
    """Its name, or distribution:name."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Options by keyword, for a small and fast instance; the rest as `Subject` says."""
    signal: ClassVar[Signal | None] = None
    """What a feature, score or encoder is built for; the shortest that suits it if None."""
    kind: ClassVar[str]

    def __init_subclass__(cls, kind: str | None = None) -> None:
        super().__init_subclass__()
        if kind is not None:
            cls.kind = kind
            for law in PART_LAWS[kind]:
                _add(cls, law, cls.subject)
            for law in PACKAGE_LAWS:
                _add(cls, law, cls.package)

    @classmethod
    def subject(cls) -> Subject | Called:
        """The part, made once per class."""
        if "_subject" not in vars(cls):
            cls._subject = subject_of(registry.find(cls.kind, cls.part), cls.options, cls.signal)  # type: ignore[attr-defined]
        return cls._subject  # type: ignore[attr-defined,no-any-return]

    @classmethod
    def package(cls) -> Package:
        """The distribution that offers it."""
        return Package(registry.find(cls.kind, cls.part).distribution)


def _add(cls: type[Contract], law: Law, about: Callable[[], Any]) -> None:
    getter = about.__name__

    def test(self: Contract) -> None:
        __tracebackhide__ = True
        law(getattr(type(self), getter)())

    test.__name__, test.__doc__ = f"test_{law.name.replace(' ', '_')}", law.statement
    test.__qualname__ = f"{cls.__qualname__}.{test.__name__}"
    setattr(cls, test.__name__, test)


class SynthContract(Contract, kind="synth"):
    """A synthesizer keeps its laws."""


class FeatureContract(Contract, kind="feature"):
    """A representation keeps its laws."""


class LossContract(Contract, kind="loss"):
    """A training loss keeps its laws."""


class OptimizerContract(Contract, kind="optimizer"):
    """An optimizer keeps its laws."""


class EncoderContract(Contract, kind="encoder"):
    """An encoder keeps its laws."""


class SolverContract(Contract, kind="solver"):
    """A solver keeps its laws."""


class LoggerContract(Contract, kind="logger"):
    """A logger keeps its laws."""


class ScoreContract(Contract, kind="score"):
    """A score keeps its laws."""


class ExecutorContract(Contract, kind="executor"):
    """An executor keeps its laws."""


class PretrainedContract(Contract, kind="pretrained"):
    """A trained encoder keeps its laws."""


class CommandContract(Contract, kind="command"):
    """A command keeps its laws."""
