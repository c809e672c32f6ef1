"""What a plugin promises, as tests to inherit; `invsound check-plugin` runs the same laws without pytest.

from invsound.testing import SynthContract

class TestBell(SynthContract):
    part = "bell"
"""

from . import toys
from .contracts import (
    CommandContract,
    Contract,
    EncoderContract,
    ExecutorContract,
    FeatureContract,
    LoggerContract,
    LossContract,
    OptimizerContract,
    PretrainedContract,
    ScoreContract,
    SolverContract,
    SynthContract,
)
from .examine import Verdict, examine
from .law import PACKAGE_LAWS, PART_LAWS, Broken, Law
from .subject import Subject

__all__ = [
    "PACKAGE_LAWS", "PART_LAWS", "Broken", "CommandContract", "Contract", "EncoderContract", "ExecutorContract", "FeatureContract", "Law",
    "LoggerContract", "LossContract", "OptimizerContract", "PretrainedContract", "ScoreContract", "SolverContract", "Subject",
    "SynthContract", "Verdict", "examine", "toys",
]  # fmt: skip
