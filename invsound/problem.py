"""The inverse problem: the map ν → S, and its Jacobian."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .errors import NonFiniteError
from .feature import Feature
from .space import Space
from .synth import Synth


def finite(value: Tensor, origin: str) -> Tensor:
    """`value` itself; raises NonFiniteError naming `origin` if a row of it holds a NaN or an infinity."""
    if not value.isfinite().all():
        rows = (~value.flatten(1).isfinite().all(1)).nonzero().flatten().tolist()
        raise NonFiniteError(f"{origin} gave a NaN or an infinity in row {', '.join(map(str, rows[:5]))} of {len(value)}.")
    return value


class Problem(nn.Module):
    """Φ ∘ g ∘ (ν → θ): what training and matching share."""

    def __init__(self, synth: Synth, feature: Feature) -> None:
        super().__init__()
        self.synth, self.feature = synth, feature

    @property
    def space(self) -> Space:
        return self.synth.space

    def render(self, nu: Tensor) -> Tensor:
        """ν [B, P] → audio x [B, N]."""
        x: Tensor = self.synth(self.space.to_theta(nu))
        return x

    def forward(self, nu: Tensor) -> Tensor:
        """ν [B, P] → S [B, D], pure and differentiable (reverse mode and `torch.func`)."""
        S: Tensor = self.feature(self.render(nu))
        return S

    def jacobian(self, nu: Tensor, budget: int = 256 * 2**20) -> Tensor:
        """J [B, D, P] = ∂S/∂ν at ν [B, P], in forward mode: P directions travel together, B rows by chunks of about `budget` bytes.

        Raises NonFiniteError where the derivative does not exist as a number.
        """
        signal, P = self.synth.signal, len(self.space)
        chunk = max(1, budget // (8 * signal.num_samples * (1 + P) * nu.element_size()))
        J = torch.cat([self._jacobian(rows) for rows in nu.split(chunk)])
        return finite(J, f"The Jacobian of {type(self.feature).__name__} ∘ {type(self.synth).__name__}")

    def _jacobian(self, nu: Tensor) -> Tensor:
        # rows are independent, so one direction e_p pushed through the whole batch gives column p of every row's Jacobian
        directions = torch.eye(nu.shape[1], dtype=nu.dtype, device=nu.device)[:, None, :].expand(-1, len(nu), -1)

        def push(direction: Tensor) -> Tensor:
            tangent: Tensor = torch.func.jvp(self, (nu,), (direction,))[1]
            return tangent

        with torch.no_grad():
            J: Tensor = torch.func.vmap(push, out_dims=-1)(directions)
        return J

    def metric_factor(self, nu: Tensor) -> Tensor:
        """R [B, P, P] in float64 with M = JᵀJ = RᵀR, from a QR of J: forming JᵀJ would lose half the digits."""
        R = torch.linalg.qr(self.jacobian(nu).double(), mode="r").R
        return torch.nn.functional.pad(R, (0, 0, 0, R.shape[-1] - R.shape[-2]))
