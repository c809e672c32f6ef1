"""The parts that ship keep the contract that strangers are held to."""
# ruff: noqa: RUF012  options are written as plugin authors write them

import ast
import subprocess
import sys
from pathlib import Path
from unittest import SkipTest

import pytest

import invsound
from invsound.hooks import registry
from invsound.testing import (
    PACKAGE_LAWS,
    PART_LAWS,
    EncoderContract,
    ExecutorContract,
    FeatureContract,
    LossContract,
    OptimizerContract,
    PretrainedContract,
    ScoreContract,
    SolverContract,
    Subject,
    SynthContract,
)

SMALL_SCATTERING = {"J": 6, "Q": [4, 1], "J_fr": 2}


class TestArpeggiator(SynthContract):
    part = "amfm"


class TestDrum(SynthContract):
    part = "ftm"
    options = {"num_modes": 4}


class TestString(SynthContract):
    part = "invsound-ftm:string"
    options = {"num_modes": 6}


class TestStruckDrum(SynthContract):
    part = "drum"
    options = {"num_modes": 4}


class TestVoice(SynthContract):
    part = "ddsp"


class TestGranular(SynthContract):
    part = "granular"


class TestFaust(SynthContract):
    part = "faust"


class TestJTFS(FeatureContract):
    part = "jtfs"
    options = SMALL_SCATTERING


class TestSignedJTFS(FeatureContract):
    part = "jtfs"
    options = SMALL_SCATTERING | {"order0": True, "T": 64, "padding": "zero"}
    signal = invsound.Signal(8192, 600)


class TestMSS(FeatureContract):
    part = "mss"
    options = {"n_fft": [256, 64]}


class TestLogMel(FeatureContract):
    part = "logmel"


class TestTimbre(FeatureContract):
    part = "timbre"


class TestCumulativeSpectrum(FeatureContract):
    part = "sot"


class TestLogMSS(FeatureContract):
    part = "mss"
    options = {"n_fft": [100], "log": True}


class TestPLoss(LossContract):
    part = "ploss"


class TestPNP(LossContract):
    part = "pnp"


class TestScheduledPNP(LossContract):
    part = "pnp"
    options = {"damping": "scheduled", "matrix": "diagonal", "volume": True, "epochs": 5}


class TestSaturatingPNP(LossContract):
    part = "pnp"
    options = {"shape": "saturating", "matrix": "own"}


class TestSmoothedPNP(LossContract):
    part = "pnp"
    options = {"shape": "root", "each": True, "balance": True, "radius": 0.1, "samples": 2}


class TestDDSPLoss(LossContract):
    part = "invsound-ddsp:ddsp"


class TestUncachedDDSPLoss(LossContract):
    part = "ddsp"
    options = {"cache": 0, "chunk": 2}


class TestAdam(OptimizerContract):
    part = "adam"


class TestAdamW(OptimizerContract):
    part = "adamw"


class TestSGD(OptimizerContract):
    part = "sgd"


class TestNesterov(OptimizerContract):
    part = "sgd"
    options = {"nesterov": True}


class TestSophia(OptimizerContract):
    part = "sophia"


class TestSignMomentum(OptimizerContract):
    part = "sign_momentum"


class TestCNN(EncoderContract):
    part = "cnn"
    options = {"channels": 16, "hidden": 16}


class TestEquivariant(EncoderContract):
    part = "equivariant"
    options = {"channels": 16, "hidden": 16, "dilations": (1,)}


class TestProcesses(ExecutorContract):
    part = "local"


class TestThisProcess(ExecutorContract):
    part = "local"
    options = {"jobs": 1}


class TestLM(SolverContract):
    part = "lm"


class TestDescent(SolverContract):
    part = "descent"


class TestCMA(SolverContract):
    part = "cma"


class TestMultiResolutionSTFT(ScoreContract):
    part = "invsound-mss:mss"


class TestJTFSDistance(ScoreContract):
    part = "jtfs"
    options = SMALL_SCATTERING


class TestMelDistance(ScoreContract):
    part = "mel"


class TestWarpedMFCC(ScoreContract):
    part = "wmfcc"


class TestSpectralTransport(ScoreContract):
    part = "sot"


class TestEnvelopeDistance(ScoreContract):
    part = "rms"


class TestAmfmChirp(PretrainedContract):
    part = "amfm-chirp"


class TestFtmDrum(PretrainedContract):
    part = "ftm-drum"


class TestDrumRecorded(PretrainedContract):
    part = "drum-recorded"


def test_every_shipped_part_is_under_contract():
    contracts = [c for c in globals().values() if isinstance(c, type) and hasattr(c, "part")]
    covered = {("executor", "slurm"), ("command", "studio"), ("logger", "tensorboard")}  # by the tests of their plugins
    covered |= {("loss", "scrapl"), ("encoder", "spectral2dcnn")}
    covered |= {(c.kind, c.part.rpartition(":")[2]) for c in contracts}
    source = Path(registry.__file__).parents[2]
    shipped = {(o.kind, o.part.name) for kind in registry.KINDS for o in registry.offers(kind) if _ours(o, source)}
    assert shipped - covered == {("encoder", "efficientnet-b0")}  # the same laws, ten times the time: tests/builtin/test_encoders.py


def _ours(offer, source):
    return offer.distribution == "invsound" or (source / "plugins" / offer.distribution).is_dir()


def test_every_law_is_a_test_with_its_statement():
    for contract, kind in [(SynthContract, "synth"), (LossContract, "loss"), (SolverContract, "solver")]:
        for law in PART_LAWS[kind] + PACKAGE_LAWS:
            test = getattr(contract, "test_" + law.name.replace(" ", "_"))
            assert test.__doc__ == law.statement
            assert law.statement.strip()
            assert law.mend


def test_options_are_defaults_small_ones_and_those_given(tiny, install, tiny_source):
    find = registry.find
    assert Subject(find("synth", "tiny")).options == {}  # 512 samples are few enough
    assert Subject(find("synth", "amfm"), {"width": 0.3}).options == {"num_samples": 1024, "width": 0.3}
    hook = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [Part('checked', 'checked_parts:Checked')]"
    stated = tiny_source + "\nclass Checked(Tiny):\n    check_options = {'num_samples': 99}\n"
    install("checked", hook, checked_parts=stated)
    assert Subject(find("synth", "checked")).instance.signal.num_samples == 99
    refusal = "def __post_init__(self):\n        if self.num_samples < 2000: raise ValueError('too short')"
    long = tiny_source.replace("num_samples: int = 512", "num_samples: int = 2000\n    " + refusal)
    install("long", hook.replace("checked", "long").replace("Checked", "Tiny"), long_parts=long)
    assert Subject(find("synth", "long")).instance.signal.num_samples == 2000


def test_the_laws_of_derivatives_are_skipped_where_there_are_none(install, tiny_source):
    sealed = tiny_source + "\nclass Box(Tiny):\n    differentiable = False\n    def forward(self, t): return super().forward(t.detach())\n"
    install("box", "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [Part('box', 'box_p:Box')]", box_p=sealed)

    class Box(SynthContract):
        part = "box"

    Box().test_batch_is_loop()
    for name in (
        "reverse_mode_is_the_derivative",
        "forward_mode_is_the_derivative",
        "works_under_vmap",
        "derivatives_are_finite_in_its_bounds",
    ):
        with pytest.raises(SkipTest, match="differentiable = False"):
            getattr(Box(), "test_" + name)()


def test_the_laws_need_no_pytest():
    code = "import sys; sys.modules['pytest'] = None; import invsound.testing, invsound.cli; print('fine')"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "fine\n"
    for path in (Path(invsound.__file__).parent / "testing").glob("*.py"):
        imports = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Import)]
        assert "pytest" not in {a.name for n in imports for a in n.names}
