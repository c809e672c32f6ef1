"""The inverse problem: the map ν → S, and its Jacobian."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from .errors import NonFiniteError, UsageError
from .feature import Feature, represented
from .hooks.bounds import check_bounds, option
from .hooks.registry import named
from .jacobian import measured, moved
from .parameter import Choice, Parameter
from .space import Space
from .synth import Synth, sound
from .system.shared import forward_mode
from .table import Shown, Table


def finite(value: Tensor, origin: str, space: Space | None = None, nu: Tensor | None = None) -> Tensor:
    """`value` itself; raises NonFiniteError naming `origin`, and the parameters ν [B, P] if given, if a row holds a NaN or an infinity."""
    total = value.detach().sum()  # finite where all are, unless it overflows: a pass over them without a copy
    if not (total.isfinite() or value.isfinite().all()):
        rows = (~value.flatten(1).isfinite().all(1)).nonzero().flatten().tolist()
        at = f" at {said(space, nu[rows[0]])}," if space is not None and nu is not None else ""
        raise NonFiniteError(f"{origin} gave a NaN or an infinity{at} in row {', '.join(map(str, rows[:5]))} of {len(value)}.")
    return value


def said(space: Space, nu: Tensor) -> str:
    """`"f=440 Hz, tau=0.1 s"` of ν [P]."""
    return ", ".join(map(_value, space, space.named(space.to_theta(nu.double())).values()))


def _value(p: Parameter | Choice, value: float | str) -> str:
    return f"{p.name}={value}" if isinstance(value, str) else f"{p.name}={value:.6g} {p.unit}".rstrip()


def filtered(x: Tensor, H: Tensor) -> Tensor:
    """The first N samples of x [..., N] filtered by H [N + 1], the spectrum of a causal response at 2 N points."""
    N = x.shape[-1]
    y: Tensor = torch.fft.irfft(torch.fft.rfft(x, 2 * N) * H, 2 * N)
    return y[..., :N]


def volume(singular: Tensor) -> Tensor:
    """√(σ₁σ₂) [B] of M from the singular values of J [B, P], descending: σ = s², so the root is s₁s₂."""
    return singular[:, 0] * singular[:, min(1, singular.shape[1] - 1)]


@dataclass
class ProblemOptions:
    """How the Jacobian is computed.

    jacobian: forward (forward-mode differentiation), finite (central differences) or auto (forward if the synth is differentiable)
    step: half the distance of the central differences, in ν where it is in [−1, 1]; a whole step where there are steps
    budget: memory for the rows that travel together, MiB
    """

    jacobian: str = option("auto", choices=("auto", "forward", "finite"))
    step: float = option(1e-4, above=0, high=1)
    budget: float = option(16.0, above=0, high=2**20, unit="MiB")

    def __post_init__(self) -> None:
        check_bounds(self)


class Problem(Shown, nn.Module):
    """Φ ∘ g ∘ (ν → θ): what training and matching share. ν are the coordinates of `space`, the synth's own if None.

    What a recording does to a sound is done to sounds that are compared with it: where it ends before the sound does, they are multiplied
    by `window` [N]; they are heard above the noise `floor` [N], and in a `room` [N], the response that follows its direct sound.
    Raises UsageError where forward differentiation is asked of a synth that declares `differentiable = False`.
    """

    def __init__(
        self, synth: Synth, feature: Feature, options: ProblemOptions | None = None, space: Space | None = None,
        window: Tensor | None = None, floor: Tensor | None = None, room: Tensor | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.synth, self.feature, self.options = synth, feature, options or ProblemOptions()
        self.space, self.window, self.floor, self.room = space or synth.space, window, floor, room
        if self.options.jacobian == "forward" and not synth.differentiable:
            raise UsageError(f"The synth {type(synth).__name__} is not differentiable: its Jacobian takes problem.jacobian=finite.")

    @property
    def forward_mode(self) -> bool:
        """Whether the Jacobian is differentiated, and not measured by differences."""
        return self.options.jacobian == "forward" or (self.options.jacobian == "auto" and self.synth.differentiable)

    def table(self) -> Table:
        """The parameters that are sought."""
        how = "forward mode" if self.forward_mode else "finite differences"
        of = f"{named(self.feature)} of {named(self.synth).replace('The', 'the', 1)}"
        return Table(f"{of}: {len(self.space)} parameters, {self.space.width} coordinates, J by {how}", self.space.table().columns)

    def render(self, nu: Tensor) -> Tensor:
        """ν [B, W] → audio x [B, N], within the window."""
        x = sound(self.synth, self.space.to_theta(nu))
        return x if self.window is None else x * self.window.to(x)

    def forward(self, nu: Tensor) -> Tensor:
        """ν [B, W] → S [B, D], pure and differentiable (reverse mode and `torch.func`)."""
        return self._heard(self.render(nu))

    def _heard(self, x: Tensor) -> Tensor:
        return represented(self.feature, self.placed(x if self.floor is None else x + self.floor.to(x)))

    def placed(self, x: Tensor) -> Tensor:
        """x [B, N] in the room: the first N samples of x + x ∗ room."""
        if self.room is None:
            return x
        return x + filtered(x, torch.fft.rfft(self.room.to(x), 2 * x.shape[-1]))

    def represent(self, x: Tensor) -> Tensor:
        """S [B, D] of recordings x [B, N], in the room. Raises NonFiniteError naming the feature where it holds a NaN or an infinity."""
        return finite(represented(self.feature, self.placed(x)), named(self.feature))

    def within(self, window: Tensor | None, floor: Tensor | None = None, room: Tensor | None = None) -> Problem:
        """The same, of sounds to which a recording has done this."""
        return Problem(self.synth, self.feature, self.options, self.space, window, floor, room)

    def jacobian(self, nu: Tensor, options: bool = True) -> Tensor:
        """J [B, D, W] at ν [B, W]: W directions travel together, B rows by chunks that fit the memory budget.

        The column of a number is ∂S/∂ν, of one with steps a difference of at least one step. That of an option is the secant
        (S(option) − S(ν)) / 2, with all else as it is, and zero for the option that ν has: so ‖J (ν̂ − ν)‖ is the distance of ν̂ wherever it
        differs from ν in one option alone. Without `options` their columns are zero, which costs nothing. A nuisance stays as it is at ν.
        Raises NonFiniteError where the derivative does not exist as a number.
        """
        if not len(nu):  # which torch.func refuses
            return self.jacobian(torch.stack(self.space.bounds(nu)).mean(0)[None])[:0]
        if self.synth.nuisance:
            seeds = self.synth.seeds(self.space.to_theta(nu))
            return torch.cat([self._jacobian(row, options, seed) for row, seed in zip(nu.split(1), seeds, strict=True)])
        return self._jacobian(nu, options)

    def _jacobian(self, nu: Tensor, options: bool, seed: int | None = None) -> Tensor:
        if seed is not None:
            with self.synth.at(seed):
                return self._jacobian(nu, options)
        row = 8 * self.synth.signal.num_samples * (1 + self.space.width) * nu.element_size()
        chunk = max(1, int(self.options.budget * 2**20 / row))
        J = torch.cat([self._columns(rows, options) for rows in nu.split(chunk)])
        return finite(J, f"The Jacobian of {type(self.feature).__name__} ∘ {type(self.synth).__name__}", self.space, nu)

    def _columns(self, nu: Tensor, options: bool) -> Tensor:
        space = self.space
        if self.forward_mode and not space.discrete:
            return self._forward_mode(nu, list(range(space.width)))
        smooth = [block.start for p, block in zip(space, space.slices, strict=True) if self.forward_mode and not p.count]
        columns = dict(zip(smooth, self._forward_mode(nu, smooth).unbind(-1), strict=True)) if smooth else {}
        return self._differences(nu, columns, options)

    @torch.no_grad()
    def _differences(self, nu: Tensor, columns: dict[int, Tensor], options: bool) -> Tensor:
        """All columns, those that are not there yet measured; a synth that is no torch program makes their sounds in one batch."""
        blocks = enumerate(zip(self.space, self.space.slices, strict=True))
        todo = [(p, k, block) for k, (p, block) in blocks if block.start not in columns and (options or not p.options)]
        points = {k: moved(self.space, k, nu, self.options.step) for _, k, _ in todo}
        everywhere = [nu for at in points.values() for nu in at]
        batches = everywhere if self.synth.differentiable or not everywhere else [torch.cat(everywhere)]
        sounds = (x for batch in batches for x in self.render(batch).split(len(nu)))
        heard = (self._heard(x) for x in sounds)
        for p, k, block in todo:
            S, at = [next(heard) for _ in points[k]], [nu[:, block] for nu in points[k]]
            columns |= dict(enumerate(measured(S, at, nu[:, block], bool(p.options)).unbind(-1), block.start))
        nothing = torch.zeros_like(next(iter(columns.values()))) if columns else torch.zeros_like(self(nu))
        return torch.stack([columns.get(k, nothing) for k in range(self.space.width)], -1)

    def _forward_mode(self, nu: Tensor, coordinates: list[int]) -> Tensor:
        # rows are independent, and a nuisance draws the same for all, so that one direction e_p pushed through the whole batch gives
        # column p of every row's Jacobian
        directions = torch.eye(nu.shape[1], dtype=nu.dtype, device=nu.device)[coordinates, None, :].expand(-1, len(nu), -1)

        def push(direction: Tensor) -> Tensor:
            tangent: Tensor = torch.func.jvp(self, (nu,), (direction,))[1]
            return tangent

        with forward_mode, torch.no_grad():
            J: Tensor = torch.func.vmap(push, out_dims=-1, randomness="same")(directions)
        return J

    def metric_factor(self, nu: Tensor) -> Tensor:
        """R [B, W, W] in float64 with M = JᵀJ = RᵀR, from a QR of J: forming JᵀJ would lose half the digits."""
        R = torch.linalg.qr(self.jacobian(nu).double(), mode="r").R
        return torch.nn.functional.pad(R, (0, 0, 0, R.shape[-1] - R.shape[-2]))

    def unmoved(self, factor: Tensor) -> Tensor:
        """Which parameters [B, P] have columns of zeros alone in J [B, D, W], or in the factor R [B, W, W] of M = RᵀR."""
        zero = factor.norm(dim=-2) == 0
        return torch.stack([zero[:, block].all(1) for block in self.space.slices], 1)

    def warning(self, unmoved: Tensor) -> str:
        """What to know of parameters along which some sounds do not move, as `unmoved` [B, P] has them; empty if all do."""
        counts = zip(self.space.names, unmoved.sum(0).tolist(), strict=True)
        one = len(unmoved) == 1
        if not (along := [name if one else f"{name} in {count} of {len(unmoved)}" for name, count in counts if count]):
            return ""
        where = "in this sound" if one else "in some sounds"
        synth = named(self.synth)[len("The ") :]
        return f"{named(self.feature)} of the {synth} has a derivative of zero {where}: {', '.join(along)}. {self.remedy}"

    @property
    def remedy(self) -> str:
        """What may help where the derivative is zero."""
        if self.forward_mode:
            return (
                "Rounding has no derivative: declare the step, Parameter(…, step=1), or the choice in the synth's space; or with "
                "problem.jacobian=finite and a problem.step of at least one step, in ν, there is one; or another feature hears the change."
            )
        return "If what it renders moves in steps, set problem.step to at least one step, in ν; or another feature hears the change."
