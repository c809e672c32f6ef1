"""Mutants: synths."""

import json
import time

import torch

from invsound import Choice, Parameter, Signal, Space, Synth

from .common import Bare, Doubling, Options, breaks


class GoodSynth(Synth):
    Options = Options
    preset_suffix = ".good.json"

    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 200, 1000, "log"), Parameter("tau", "s", 0.002, 0.02))
        self.signal = Signal(8000, getattr(options, "num_samples", 128))

    def forward(self, theta):
        f, tau = theta[:, :, None].unbind(1)
        t = torch.arange(self.signal.num_samples, dtype=theta.dtype, device=theta.device) / self.signal.sample_rate
        return torch.exp(-t / tau) * torch.sin(2 * torch.pi * f * t)

    def preset_file(self, values, name):
        return json.dumps([name, values]).encode()


class GoodBurst(GoodSynth):
    nuisance = True

    def forward(self, theta):
        noise = [torch.rand(self.signal.num_samples, generator=torch.Generator().manual_seed(seed)) for seed in self.seeds(theta)]
        return super().forward(theta) * (1 + torch.stack(noise).to(theta))


@breaks("synth", "sound of its seed")
class OneStream(GoodBurst):
    def forward(self, theta):
        stream = torch.Generator().manual_seed(self.seeds(theta)[0])
        return GoodSynth.forward(self, theta) * (1 + torch.rand(len(theta), 1, generator=stream).to(theta))


@breaks("synth", "a nuisance is heard")
class Unmoved(GoodBurst):
    def forward(self, theta):
        return GoodSynth.forward(self, theta)


@breaks("synth", "class is of its kind")
class Stranger(torch.nn.Module):
    Options, differentiable = Options, True
    forward, guess = GoodSynth.forward, Synth.guess

    def __init__(self, options):
        super().__init__()
        made = GoodSynth(options)
        self.space, self.signal = made.space, made.signal


@breaks("synth", "options are documented")
class Undocumented(GoodSynth):
    Options = Bare


@breaks("synth", "options survive yaml")
class Forgetful(GoodSynth):
    Options = Doubling


@breaks("synth", "batch is loop")
class BatchPeak(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        return x / x.abs().max()


@breaks("synth", "rows are independent")
class Leaking(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) + 1e-6 * theta.sum() / theta.sum().detach() * theta.mean()


@breaks("synth", "deterministic")
class Dice(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) + 1e-3 * torch.randn(len(theta), self.signal.num_samples)


@breaks("synth", "deterministic")
class UnseededNoise(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.register_buffer("noise", torch.randn(128), persistent=False)

    def forward(self, theta):
        return super().forward(theta) + self.noise.to(theta)[: self.signal.num_samples]


@breaks("synth", "input is left alone")
class Overwriting(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        theta[:, 0] = 0
        return x


@breaks("synth", "dtype follows the input")
class AlwaysFloat(GoodSynth):
    def forward(self, theta):
        return super().forward(theta).float()


@breaks("synth", "constants are buffers")
class StrayTensor(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.window = torch.ones(128)


@breaks("synth", "device follows the input")
class AlwaysCPU(GoodSynth):
    def forward(self, theta):
        return super().forward(theta.cpu())


@breaks("synth", "space and signal are stated")
class SpacedName(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f 0", "Hz", 200, 1000), Parameter("tau", "s", 0.002, 0.02))


@breaks("synth", "sound has its length")
class OneShort(GoodSynth):
    def forward(self, theta):
        return super().forward(theta)[:, :-1]


@breaks("synth", "finite everywhere in its bounds")
class Pole(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) / (self.space.to_nu(theta)[:, 1:] - 1)


@breaks("synth", "every parameter is heard")
class Deaf(GoodSynth):
    def forward(self, theta):
        return super().forward(torch.stack([theta[:, 0], torch.full_like(theta[:, 1], 0.01)], 1))


@breaks("synth", "every option is heard")
class Twins(GoodSynth):
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(*self.space, Choice("level", ("full", "half", "as full")))

    def forward(self, theta):
        return super().forward(theta[:, :2]) * (1 - 0.5 * (theta[:, 2:] == 1))


@breaks("synth", "the jacobian sees what moves")
class Stepped(GoodSynth):
    """As an external renderer with whole numbers is: differences of 1e-4 fall between two of them."""

    differentiable = False

    def forward(self, theta):
        return super().forward(torch.stack([(theta[:, 0] / 50).round() * 50, theta[:, 1]], 1))


@breaks("synth", "derivatives are finite in its bounds")
class Root(GoodSynth):
    def forward(self, theta):
        return super().forward(theta) * (1 - self.space.to_nu(theta)[:, 1:]).clamp(min=0).sqrt()


@breaks("synth", "reverse mode is the derivative")
@breaks("synth", "forward mode is the derivative")
class Detached(GoodSynth):
    def forward(self, theta):
        return super().forward(torch.cat([theta[:, :1].detach(), theta[:, 1:]], 1))


@breaks("synth", "works under vmap")
class Branching(GoodSynth):
    def forward(self, theta):
        x = super().forward(theta)
        return x if theta.sum() > 0 else -x


@breaks("synth", "guess is candidates")
class FlatGuess(GoodSynth):
    def guess(self, x):
        return x.new_zeros(2)


@breaks("synth", "guess is candidates")
class WholeGuess(GoodSynth):
    """It multiplies what may be shorter than its own sound."""

    def guess(self, x):
        return (x * torch.ones(self.signal.num_samples)).sum().tanh().expand(1, self.space.width)


@breaks("synth", "preset is a file")
class TextPreset(GoodSynth):
    def preset_file(self, values, name):
        return super().preset_file(values, name).decode()


@breaks("synth", "preset is a file")
class EmptyPreset(GoodSynth):
    def preset_file(self, values, name):
        return json.dumps(name).encode()


@breaks("synth", "preset is a file")
class DatedPreset(GoodSynth):
    def preset_file(self, values, name):
        return super().preset_file(values, name) + str(time.perf_counter_ns()).encode()


@breaks("synth", "preset is a file")
class PlainNames(GoodSynth):
    def preset_file(self, values, name):
        return name.encode("ascii") + super().preset_file(values, name)


@breaks("synth", "preset is a file")
class NoDot(GoodSynth):
    preset_suffix = "../json"
