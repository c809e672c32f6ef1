"""One training step, as the closure that an optimizer calls."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..encoder import Encoder, guessed
from ..errors import NonFiniteError
from ..loss import Loss, valued
from ..problem import finite, said
from .ranks import Alone


class Step:
    """`step()` leaves the gradient of the mean loss over a batch in the weights and returns that loss, as often as it is called.

    `sample()` is for optimizers that estimate curvature. `norm` is that of the last gradient, before it was clipped.
    """

    def __init__(
        self, encoder: Encoder, loss: Loss, batch: tuple[Tensor, Tensor, Tensor], generator: torch.Generator,
        clip: float | None = None, clip_by: str = "norm", share: float = 1.0, ranks: Alone | None = None,
    ) -> None:  # fmt: skip
        """`share` makes the mean over `ranks` of what is learned here the mean over all examples."""
        self.encoder, self.loss, self.generator, self.limit, self.by = encoder, loss, generator, clip, clip_by
        self.inputs, self.nu, self.side = batch
        self.share, self.ranks = share, ranks or Alone()
        self.norm = torch.zeros(())

    def __call__(self) -> float:
        self.encoder.zero_grad()
        values = valued(self.loss, guessed(self.encoder, self.inputs), self.nu, self.side)
        value: Tensor = values.mean() * self.share
        if not value.isfinite():
            raise NonFiniteError(f"The training loss is {value.item()}{self._at(~values.isfinite())}")
        self.ranks.backward(value)
        self._clip([p for p in self.encoder.parameters() if p.grad is not None])
        return float(value.detach())

    def _at(self, bad: Tensor) -> str:
        """The parameters of the first bad row; where all are, none is to blame."""
        return "" if bad.all() or not bad.any() else f" at {said(self.loss.problem.space, self.nu[bad][0])}"

    def _clip(self, weights: list[nn.Parameter]) -> None:
        gradients = [p.grad for p in weights if p.grad is not None]
        self.norm = torch.stack([torch.linalg.vector_norm(gradient, dtype=torch.float64) for gradient in gradients]).norm()
        if not self.norm.isfinite():
            raise NonFiniteError(f"The gradient of the training loss has the norm {self.norm.item()}")
        if self.limit is None:
            if self.norm**2 > torch.finfo(gradients[0].dtype).max:  # Adam would remember an infinite square, and stand still
                raise NonFiniteError(f"The gradient of the training loss has the norm {self.norm.item():.3g}, too large to be squared,")
            return
        if self.by == "norm":
            nn.utils.clip_grads_with_norm_(weights, self.limit, self.norm)
        elif self.by == "value":
            nn.utils.clip_grad_value_(weights, self.limit)
        else:
            for gradient in gradients:
                gradient.sign_().mul_(self.limit)

    def sample(self) -> int:
        """Leave the gradient for labels drawn from the encoder's own prediction, and return the number n of examples.

        With p(ν | ν̂) ∝ exp(−loss), n times its square is an unbiased estimate of the diagonal of the Gauss–Newton matrix
        (Gauss–Newton–Bartlett: Liu et al., ICLR 2024, algorithm 2). For a quadratic loss such a label moves the gradient in ν̂
        by w ~ N(0, H), H the Hessian of the loss in ν̂; that is what is drawn, for any loss, from the positive part of H.
        """
        self.encoder.zero_grad()
        nu_hat: Tensor = self.encoder(self.inputs)
        w = fluctuation(self.loss, nu_hat, self.nu, self.side, self.generator)
        self.ranks.backward((nu_hat * w).sum(1).mean() * self.share)
        return round(len(self.nu) * self.ranks.count / self.share)


def batches(order: Tensor, size: int, least: int) -> list[Tensor]:
    """Rows in an order, `size` at a time; fewer than `least` that are left over join the last: a batch norm has no variance of one."""
    found = list(order.split(size))
    if len(found) > 1 and len(found[-1]) < least:
        found[-2:] = [torch.cat(found[-2:])]
    return found


def fluctuation(loss: Loss, nu_hat: Tensor, nu: Tensor, side: Tensor, generator: torch.Generator) -> Tensor:
    """w [B, P] ~ N(0, H₊), H = ∂²loss/∂ν̂² at each ν̂, without its negative eigenvalues."""
    H = finite(hessian(loss, nu_hat.detach(), nu, side), "The curvature of the loss")
    sigma, V = torch.linalg.eigh((H + H.mT) / 2)
    noise = torch.randn(nu.shape, generator=generator, dtype=torch.float64).to(H.device)
    w: Tensor = (V @ (sigma.clamp_min(0).sqrt() * noise)[:, :, None])[:, :, 0]
    return w.to(nu_hat.dtype)


def hessian(loss: Loss, nu_hat: Tensor, nu: Tensor, side: Tensor, h: float = 1e-3) -> Tensor:
    """H [B, P, P] in float64, by central differences of gradients: not every synth and feature can be differentiated twice."""

    def slope(at: Tensor) -> Tensor:
        at = at.requires_grad_()
        return torch.autograd.grad(loss(at, nu, side).sum(), at)[0].double()

    steps = h * nu_hat.abs().clamp_min(1)[:, :, None] * torch.eye(nu_hat.shape[1], dtype=nu_hat.dtype, device=nu_hat.device)
    rows = [(slope(nu_hat + step) - slope(nu_hat - step)) / (2 * step.sum(1, keepdim=True)).double() for step in steps.unbind(1)]
    return torch.stack(rows, 1)
