"""Laws of encoders: a front end without weights, and a network whose every weight learns."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..system import rng
from .features import edge_sounds
from .law import hold, law
from .subject import Subject, apart, noise


def made(subject: Subject, seed: int = 0) -> Any:
    """An encoder whose weights depend on the seed."""
    with rng.forked(seed, "weights"):
        return subject.build()


def prepared(subject: Subject, encoder: Any, count: int, seed: int = 0) -> Tensor:
    inputs: Tensor = encoder.prepare(noise(count, subject.signal.num_samples, seed=seed).float())
    return inputs


@law("encoder", mend="prepare is the fixed part, computed once and stored: move what learns into forward.")
def front_end_has_no_weights(subject: Subject) -> None:
    """prepare(x) depends on no weight and carries no gradient."""
    inputs = [prepared(subject, made(subject, seed), 2) for seed in (0, 1)]
    hold(not inputs[0].requires_grad, "The inputs prepared from 2 random sounds carry a gradient")
    hold(apart(inputs[1], inputs[0]) == 0, f"Two encoders with other weights prepare inputs that differ by {apart(*inputs):.1e}")


@law("encoder", mend="end with torch.tanh, and return [B, num_outputs].")
def outputs_lie_in_the_space(subject: Subject) -> None:
    """forward gives ν̂ [B, P] in [−1, 1], in train() and eval(), on noise, edge sounds and inputs a hundred times too large."""
    encoder = made(subject)
    _, edges = edge_sounds(subject.signal.num_samples, torch.float32)
    for name, inputs in {"noise": prepared(subject, encoder, 3), "edge sounds": encoder.prepare(edges)}.items():
        for scale in (1, 100):
            for mode in (True, False):
                nu = encoder.train(mode)(scale * inputs).detach()
                hold(list(nu.shape) == [len(inputs), 3], f"For 3 outputs, on {len(inputs)} rows of {name}, it returned {list(nu.shape)}")
                hold((nu.abs() <= 1).all(), f"On {name} times {scale} it returned up to {float(nu.abs().max())}")


@law("encoder", mend="no statistics over the batch in eval(): BatchNorm and Dropout must be submodules, so that eval() reaches them.")
def eval_is_row_by_row(subject: Subject) -> None:
    """In eval() a batch gives what its rows give one by one, the same every time."""
    encoder = made(subject).eval()
    inputs = prepared(subject, encoder, 3)
    with torch.no_grad():
        together, again = encoder(inputs), encoder(inputs)
        loop = torch.cat([encoder(row[None]) for row in inputs])
    hold(torch.equal(together, again), "Two calls on the same 3 random sounds differ")
    difference = float((together - loop).abs().max())
    hold(difference < 1e-4, f"On 3 random sounds, batch and loop differ by {difference:.1e}")


@law("encoder", mend="use the weight in forward without .detach(), or do not register it.")
def gradient_reaches_every_weight(subject: Subject) -> None:
    """In train() every parameter gets a finite gradient, which is not zero on each of several batches."""
    encoder = made(subject).train()
    reached: dict[str, bool] = {name: False for name, p in encoder.named_parameters() if p.requires_grad}
    hold(reached, "It has no parameter that learns")
    for seed in range(3):
        encoder.zero_grad(set_to_none=True)
        inputs = prepared(subject, encoder, 4, seed)
        out = encoder(inputs)
        torch.autograd.backward((out * noise(*out.shape, seed=seed).float()).sum())
        for name, p in encoder.named_parameters():
            if p.grad is not None:
                hold(p.grad.isfinite().all(), f"The gradient of {name} holds a NaN or an infinity on 4 random sounds")
                reached[name] = reached.get(name, False) or bool(p.grad.any())
    dead = [name for name, alive in reached.items() if not alive]
    hold(not dead, f"No gradient on 3 batches of 4 random sounds reaches {', '.join(dead[:5])}")


@law("encoder", mend="register layers as submodules and statistics as buffers.")
def weights_survive_a_checkpoint(subject: Subject) -> None:
    """An encoder made anew with the state_dict of another computes the same."""
    encoder, other = made(subject, 0), made(subject, 1)
    inputs = prepared(subject, encoder, 4)
    encoder.train()(inputs)
    other.load_state_dict(encoder.state_dict())
    with torch.no_grad():
        difference = apart(other.eval()(inputs), encoder.eval()(inputs))
    hold(difference == 0, f"On 4 random sounds they differ by {difference:.1e}")


@law("encoder", mend="create what is random (weights, dropout) by torch's default generator, which the core seeds.")
def weights_follow_the_seed(subject: Subject) -> None:
    """The initial weights depend on torch's seed alone, and so do dropout and the like."""
    outputs = []
    for _ in range(2):
        encoder = made(subject, 0).train()
        with rng.forked(0, "epoch"):
            outputs.append(encoder(prepared(subject, encoder, 4)).detach())
    hold(torch.equal(*outputs), f"Two encoders from the same seed differ by {apart(*outputs):.1e} on 4 random sounds")
