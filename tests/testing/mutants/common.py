"""What mutants share: how one says which law it breaks, and their options."""

from dataclasses import dataclass

MUTANTS = []


def breaks(kind, law):
    def declare(cls):
        MUTANTS.append((kind, law, cls.__name__, cls.__module__.rpartition(".")[2]))
        return cls

    return declare


@dataclass
class Options:
    """Options.

    num_samples: length of the sound, samples
    """

    num_samples: int = 128


@dataclass
class Bare:
    """No line for the option."""

    size: int = 1


@dataclass
class Doubling:
    """Every reading of it changes it.

    size: a length, in samples, half of it as given
    """

    size: int = 1

    def __post_init__(self):
        self.size *= 2
