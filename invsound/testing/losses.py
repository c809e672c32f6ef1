"""Laws of training losses, on a toy problem of two parameters."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..audio.alignment import until
from . import toys
from .law import hold, law
from .subject import DTYPES, Subject, apart, inside

TRUTH = inside(3, 2)
AWAY = TRUTH + 0.02 * torch.tensor([[1.0, -0.6], [-0.3, 1.0], [0.8, 0.5]], dtype=torch.float64)


def ready(subject: Subject, dtype: torch.dtype = torch.float64, sealed: bool = False) -> tuple[Any, Tensor]:
    """A loss calibrated on three examples, and their side."""
    loss = subject.build(problem=toys.problem(toys.SealedTone() if sealed else None))
    side = loss.prepare(TRUTH.to(dtype))
    loss.calibrate(side)
    return loss, side


def gradient(loss: Any, nu_hat: Tensor, nu: Tensor, side: Tensor) -> tuple[Tensor, Tensor]:
    nu_hat = nu_hat.clone().requires_grad_()
    value = loss(nu_hat, nu, side)
    return value.detach(), torch.autograd.grad(value.sum(), nu_hat)[0]


def own_state(loss: Any) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in loss.state_dict().items() if not name.startswith("problem.")}


@law("loss", mend="'nothing prepared' is nu.new_empty(len(nu), 0); compute what is costly under torch.no_grad().")
def side_has_a_row_per_example(subject: Subject) -> None:
    """prepare(ν) is a tensor [B, …] that needs no gradient, row i of which depends on row i of ν only."""
    loss, side = ready(subject)
    hold(isinstance(side, Tensor) and side.shape[:1] == (3,), f"On 3 examples it returned {getattr(side, 'shape', side)}")
    hold(not side.requires_grad, "The side of 3 examples carries a gradient")
    loop = torch.cat([loss.prepare(row[None]) for row in TRUTH])
    hold(apart(side, loop) < 1e-9, f"On 3 examples, batch and loop differ by {apart(side, loop):.1e}")


@law("loss", mend="compute both of Φ(x), by the same lines.")
def what_was_recorded_is_compared_as_what_was_made(subject: Subject) -> None:
    """By prepare_recorded(g(ν), N), if there is one, the loss is what it is by prepare(ν); where g(ν) is cut short, it is still 0 at ν."""
    loss, side = ready(subject)
    if loss.compares_sounds:
        x = loss.problem.render(TRUTH)
        N, half = x.shape[1], x.shape[1] // 2
        recorded = loss.prepare_recorded(x, torch.full((3,), N))
        values = [loss.eval()(AWAY, TRUTH, of) for of in (recorded, side)]
        hold(apart(*values) < 1e-9, f"On 3 examples it is {values[0].tolist()} and {values[1].tolist()}")
        window = until(half, N, loss.problem.synth.signal.sample_rate).to(x)
        recorded = loss.prepare_recorded(x * window, torch.full((3,), half))
        value, beside = loss(TRUTH, TRUTH, recorded), loss(AWAY, TRUTH, recorded)
        hold((value.abs() <= 1e-9 * beside).all(), f"On 3 examples that are cut after {half} samples it is {value.tolist()} at the truth")


@law("loss", mend="sum over the parameters only, dim=1: the core takes the mean over the batch.")
def one_value_per_example(subject: Subject) -> None:
    """The loss of ν̂ [B, P] is [B], finite, in float32 and float64, in train() and eval()."""
    for dtype in DTYPES:
        loss, side = ready(subject, dtype)
        for mode in (True, False):
            value = loss.train(mode)(AWAY.to(dtype), TRUTH.to(dtype), side)
            hold(list(value.shape) == [3], f"On 3 examples it returned {list(value.shape)}")
            hold(value.isfinite().all(), f"In {dtype}, near the truth, it is {value.tolist()}")


@law("loss", mend="measure the error from the truth: a term that does not vanish with ν̂ − ν does not belong into the loss.")
def zero_and_flat_at_the_truth(subject: Subject) -> None:
    """At ν̂ = ν the loss and its gradient vanish; elsewhere the loss is positive. In train() and eval()."""
    loss, side = ready(subject)
    for mode in (True, False):
        loss.train(mode)
        value, slope = gradient(loss, TRUTH, TRUTH, side)
        apart_value, apart_slope = gradient(loss, AWAY, TRUTH, side)
        where = "train()" if mode else "eval()"
        hold((apart_value > 0).all(), f"In {where}, 0.02 from the truth, it is {apart_value.tolist()}")
        hold((value.abs() <= 1e-9 * apart_value).all(), f"In {where}, at the truth, it is {value.tolist()}")
        hold(slope.norm() <= 1e-6 * apart_slope.norm(), f"In {where}, at the truth, the gradient's norm is {float(slope.norm()):.1e}")


@law("loss", mend="no mean, maximum or norm over the batch: means over the training fold belong into calibrate.")
def examples_are_independent(subject: Subject) -> None:
    """Value i depends on row i of ν̂, ν and side only."""
    loss, side = ready(subject)
    for mode in (True, False):
        together = loss.train(mode)(AWAY, TRUTH, side)
        alone = torch.cat([loss(AWAY[i : i + 1], TRUTH[i : i + 1], side[i : i + 1]) for i in range(3)])
        hold(apart(together, alone) < 1e-9, f"On 3 examples, together and alone differ by {apart(together, alone):.1e}")


@law("loss", mend="no .item(), .detach() or rounding between ν̂ and the value.")
def gradient_is_the_derivative(subject: Subject) -> None:
    """The gradient in ν̂ agrees with central differences in float64, in train() and eval()."""
    loss, side = ready(subject)
    for mode in (True, False):
        slope = gradient(loss.train(mode), AWAY, TRUTH, side)[1]
        for p in range(2):
            h = torch.zeros_like(AWAY)
            h[:, p] = 1e-6
            with torch.no_grad():
                measured = (loss(AWAY + h, TRUTH, side) - loss(AWAY - h, TRUTH, side)) / 2e-6
            error = float((slope[:, p] - measured).abs().max() / slope.abs().max().clamp_min(1e-30))
            hold(error < 1e-4, f"In {'train()' if mode else 'eval()'}, 0.02 from the truth, they differ by {error:.1e} of the gradient")


@law("loss", mend="weights and dampings that change during training act under `if self.training:` only.")
def eval_is_a_metric(subject: Subject) -> None:
    """In eval() the loss is the same at every moment of training, and needs no autograd."""
    loss, side = ready(subject)
    with torch.no_grad():
        before = loss.eval()(AWAY, TRUTH, side)
    for validation_loss in (3.0, 2.0, 2.5, 1.0):
        loss.train()(AWAY, TRUTH, side)
        loss.adapt(validation_loss)
    with torch.no_grad():
        after = loss.eval()(AWAY, TRUTH, side)
    hold(apart(after, before) == 0, f"After four validations it changed by {apart(after, before):.1e} on the same 3 examples")


@law("loss", mend="keep it in buffers: self.register_buffer('damping', …) and self.damping.fill_(…), not self.damping = ….")
def state_survives_a_checkpoint(subject: Subject) -> None:
    """What adapts during training is in state_dict: a loss made anew goes on as if nothing had happened."""
    loss, side = ready(subject)
    for validation_loss in (3.0, 2.0, 2.5):
        loss.train()(AWAY, TRUTH, side)
        loss.adapt(validation_loss)
    again = subject.build()
    again.calibrate(side)
    again.load_state_dict(own_state(loss), strict=False)
    for validation_loss in (1.0, 4.0):
        values = [one.train()(AWAY, TRUTH, side).detach() for one in (loss, again)]
        hold(apart(values[1], values[0]) == 0, f"After three validations and a reload it differs by {apart(values[1], values[0]):.1e}")
        for one in (loss, again):
            one.adapt(validation_loss)


@law("loss", mend="register a scalar buffer of that name, or set monitor = None.")
def monitor_is_a_scalar_buffer(subject: Subject) -> None:
    """`monitor` names a scalar buffer, or is None."""
    loss, _ = ready(subject)
    sizes = {name: value.numel() for name, value in loss.named_buffers(recurse=False)}
    hold(loss.monitor is None or sizes.get(loss.monitor) == 1, f"monitor is {loss.monitor!r}; buffers: {', '.join(sizes) or 'none'}")


@law("loss", mend="work on copies, and leave ν̂, ν and side as they came.")
def arguments_are_left_alone(subject: Subject) -> None:
    """forward and prepare modify none of their arguments."""
    loss, side = ready(subject)
    arguments = [AWAY.clone(), TRUTH.clone(), side.clone()]
    loss.train()(*arguments)
    loss.prepare(arguments[1])
    changed = [n for n, a, b in zip(("ν̂", "ν", "side"), arguments, (AWAY, TRUTH, side), strict=True) if not torch.equal(a, b)]
    hold(not changed, f"Changed on 3 examples: {', '.join(changed)}")


@law("loss", mend="draw nothing at random, or in calibrate from a torch.Generator with a fixed seed.")
def loss_is_deterministic(subject: Subject) -> None:
    """The same arguments give the same value, in two calls and two instances."""
    values = []
    for _ in range(2):
        loss, side = ready(subject)
        values += [loss(AWAY, TRUTH, side).detach(), loss(AWAY, TRUTH, side).detach()]
    worst = max(apart(value, values[0]) for value in values)
    hold(worst == 0, f"On the same 3 examples values differ by {worst:.1e}")


@law("loss", mend="set needs_gradient = True, so that a synth that cannot be differentiated is refused in words.")
def needs_gradient_is_declared(subject: Subject) -> None:
    """A loss with needs_gradient = False has the same gradient when the synth cannot be differentiated."""
    if subject.cls.needs_gradient:
        return
    slopes = []
    for sealed in (False, True):
        loss, side = ready(subject, sealed=sealed)
        slopes.append(gradient(loss, AWAY, TRUTH, side)[1])
    hold(apart(slopes[1], slopes[0]) < 1e-3, f"With a sealed synth the gradient changes by {apart(slopes[1], slopes[0]):.1e}")
