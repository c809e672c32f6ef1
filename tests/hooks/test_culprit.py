"""A part that returns what it should not, or raises, is named; what is not its fault is not laid on it."""

from dataclasses import replace

import pytest
import torch

from invsound import InvsoundError, NonFiniteError, Problem
from invsound.encoder import guessed, prepared
from invsound.errors import out_of_memory
from invsound.feature import represented
from invsound.hooks import registry
from invsound.loss import valued
from invsound.solver import solved
from invsound.synth import stated
from invsound.testing.toys import Projection

NAMED = r"The synth tiny \(tiny-synth 1\.0\) "
RETURNED = {
    "None": lambda x: None,
    "numpy": lambda x: x.detach().numpy(),
    "complex": lambda x: x.to(torch.complex64),
    "longer": lambda x: torch.cat([x, x], 1),
    "shorter": lambda x: x[:, :-7],
    "flat": lambda x: x.sum(1),
    "one row": lambda x: x[:1],
    "float64": lambda x: x.double(),
    "integers": lambda x: x.long(),
    "another device": lambda x: x.to("meta"),
    "a pair": lambda x: (x, x),
}


@pytest.fixture
def synth(tiny):
    return registry.make("synth", tiny)


def changed(part, monkeypatch, change, method="forward"):
    own = getattr(part, method)
    monkeypatch.setattr(part, method, lambda *given: change(own(*given)))


@pytest.mark.parametrize("what", RETURNED)
def test_a_synth_is_named_for_what_it_returns(what, synth, monkeypatch):
    problem, nu = Problem(synth, Projection(synth.signal)), torch.zeros(2, 2)
    assert problem(nu).shape == (2, 6)
    changed(synth, monkeypatch, RETURNED[what])
    with pytest.raises(InvsoundError, match=NAMED + r"returned .*, not \[2, 512\] in torch.float32 on cpu"):
        problem(nu)
    with pytest.raises(InvsoundError, match=NAMED):
        problem.jacobian(nu)


@pytest.mark.parametrize("what", ["None", "numpy", "shorter", "complex"])
def test_the_command_line_names_it_too(what, tiny, invsound, monkeypatch, toy):
    cls = registry.load(registry.find("synth", tiny))
    own = cls.forward
    monkeypatch.setattr(cls, "forward", lambda self, theta: RETURNED[what](own(self, theta)))
    assert invsound("render", "--synth", tiny, "--out", "x.wav").exit_code == 1
    result = invsound(*toy(tiny, "--out", "run"))
    assert result.exit_code == 1
    assert "The synth tiny (tiny-synth 1.0) returned" in result.stderr


def test_a_part_is_named_for_what_it_raises_and_where(synth, monkeypatch):
    class Odd(BaseException):
        pass

    def raises(theta):
        raise Odd("no\x1b[2J licence")

    monkeypatch.setattr(synth, "forward", raises)
    with pytest.raises(InvsoundError, match=NAMED + r"failed\. Odd \(test_culprit\.py, line \d+\): no\\x1b\[2J licence"):
        Problem(synth, Projection(synth.signal))(torch.zeros(1, 2))


def test_short_memory_is_nobodys_fault(synth, monkeypatch):
    monkeypatch.setattr(synth, "forward", lambda theta: torch.empty(2**60))
    with pytest.raises(RuntimeError) as caught:
        Problem(synth, Projection(synth.signal))(torch.zeros(1, 2))
    assert not isinstance(caught.value, InvsoundError)
    assert out_of_memory(caught.value)


def test_a_nan_names_the_parameters(synth, monkeypatch):
    changed(synth, monkeypatch, lambda x: x / torch.tensor([[1.0], [0.0]]))
    problem = Problem(synth, Projection(synth.signal))
    nu = torch.tensor([[0.0, 0.0], [1.0, -1.0]])
    with pytest.raises(NonFiniteError, match=r"at f=1000 Hz, tau=0.01 s, in row 1 of 2"):
        problem.jacobian(nu)


def test_a_synth_without_a_space_or_signal_is_named(synth):
    assert stated(synth) is synth
    for attribute, value, said in (
        ("space", None, "states no space"),
        ("signal", 3, "states no signal"),
        ("space", type(synth.space)(), "no parameter"),
    ):
        other = registry.make("synth", "tiny")
        setattr(other, attribute, value)
        with pytest.raises(InvsoundError, match=NAMED + f".*{said}"):
            stated(other)


def test_an_empty_space_is_said_by_every_command(tiny, invsound, monkeypatch, toy):
    cls = registry.load(registry.find("synth", tiny))
    own = cls.__init__

    def without(self, options):
        own(self, options)
        self.space = type(self.space)()

    monkeypatch.setattr(cls, "__init__", without)
    for arguments in (
        ["render", "--synth", tiny],
        ["list-plugins", tiny],
        toy(tiny),
        ["match", "x.wav", "--synth", tiny, "--feature", "mss"],
    ):
        result = invsound(*arguments)
        assert result.exit_code == 1
        assert "The synth tiny (tiny-synth 1.0) has no parameter" in result.stderr


@pytest.mark.parametrize("what", ["None", "numpy", "complex", "one row"])
def test_other_parts_are_named_for_what_they_return(what, synth, monkeypatch):
    x, nu = torch.randn(2, 512), torch.zeros(2, 2)
    feature = registry.make("feature", "mss", signal=synth.signal, n_fft=[256])
    loss = registry.make("loss", "ploss", problem=Problem(synth, feature))
    encoder = registry.make("encoder", "cnn", signal=synth.signal, num_outputs=2).eval()
    inputs = prepared(encoder, x)
    assert guessed(encoder, inputs).shape == (2, 2)
    assert valued(loss, nu, nu, nu).shape == (2,)
    for part, name, call in (
        (feature, "feature mss", lambda: represented(feature, x)),
        (loss, "loss ploss", lambda: valued(loss, nu, nu, nu)),
        (encoder, "encoder cnn", lambda: guessed(encoder, inputs)),
    ):
        changed(part, monkeypatch, RETURNED[what])
        with pytest.raises(InvsoundError, match=f"The {name} "):
            call()
    changed(encoder, monkeypatch, RETURNED[what], "prepare")
    with pytest.raises(InvsoundError, match=r"The encoder cnn .*returned"):
        prepared(encoder, x)


class Line:
    """S(ν) = ν."""

    def __call__(self, nu):
        return nu

    def jacobian(self, nu):
        return torch.eye(2).expand(len(nu), 2, 2)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: None, "returned NoneType, no invsound.Solution"),
        (lambda found: replace(found, nu=found.nu[None]), r"returned ν of \[1, 2\], not 2 finite numbers"),
        (lambda found: replace(found, nu=found.nu / 0), "not 2 finite numbers"),
        (lambda found: 1 / 0, r"failed\. ZeroDivisionError \(test_culprit\.py"),
    ],
)
def test_a_solver_is_named(change, said, monkeypatch):
    solver, given = registry.make("solver", "lm"), (Line(), torch.tensor([0.1, 0.2]), torch.zeros(1, 2), lambda: False)
    assert solved(solver, *given).nu.shape == (2,)
    changed(solver, monkeypatch, change, "solve")
    with pytest.raises(InvsoundError, match=f"The solver lm .*{said}"):
        solved(solver, *given)


def test_an_optimizer_and_a_loss_are_named_for_what_they_raise_in_training(tiny, invsound, monkeypatch, toy):
    def raises(*given):
        raise IndexError("of no use")

    for kind, name, method in (("optimizer", "adam", "step"), ("loss", "pnp", "calibrate"), ("loss", "pnp", "adapt")):
        with monkeypatch.context() as patch:
            patch.setattr(registry.load(registry.find(kind, name)), method, raises)
            result = invsound(*toy(tiny, "--out", method))
        assert result.exit_code == 1
        assert f"The {kind} {name} (" in result.stderr
        assert "failed. IndexError (test_culprit.py, line" in result.stderr


def test_ctrl_c_in_an_import_says_whose(install):
    install("slow", "raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt, match=r"while the plugin slow was imported .INVSOUND_DISABLE_PLUGINS=slow leaves it out"):
        registry.plugins()


def test_a_loss_that_is_nan_for_some_sounds_names_their_parameters(tiny, invsound, monkeypatch, toy):
    cls = registry.load(registry.find("loss", "ploss"))
    own = cls.forward

    def some(self, nu_hat, nu, side):
        highest = nu[:, 0] == nu[:, 0].max()
        return own(self, nu_hat, nu, side) + torch.where(highest & self.training, torch.nan, 0.0)

    monkeypatch.setattr(cls, "forward", some)
    result = invsound(*toy(tiny, "--out", "run", loss="ploss"))
    assert result.exit_code == 1
    assert "The training loss is nan at f=" in result.stderr
