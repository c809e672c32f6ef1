"""Errors of a model that misfits: sounds of a richer drum, matched with a smaller one."""

import pytest
import torch

import invsound

SHORT = {"num_samples": 16384}
MORE = {  # than the smaller drum has: their least and most
    "strike": (0.2, 0.45), "pickup": (0.2, 0.45), "contact": (5e-5, 2e-3), "glide": (1e-3, 0.1), "glide_time": (0.02, 0.12),
    "noise": (-40, -20), "noise_decay": (0.01, 0.11),
}  # fmt: skip


@pytest.mark.slow
def test_three_errors_cover_what_is_said_to_be_determined():
    """The richer drum's frequency falls: anything from the stroke to rest is its fundamental."""
    rich = invsound.make("synth", "drum", **SHORT)
    how = {"budget": None, "evaluations": 200, "candidates": 64}
    matcher = invsound.Matcher("ftm", "mss", None, {"synth": SHORT, "feature": {"n_fft": [2048, 512]}, "match": how}, quiet=True)
    space, covered = matcher.synth.space, []
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        true = space.named(space.to_theta(1.6 * torch.rand(5, generator=generator) - 0.8))
        shares = torch.rand(len(MORE), generator=generator).tolist()
        more = {name: low + share * (high - low) for (name, (low, high)), share in zip(MORE.items(), shares, strict=True)}
        bounds = {p.name: (p.low, p.high) for p in rich.space}
        given = {name: min(max(value, bounds[name][0]), bounds[name][1]) for name, value in (true | more).items()}
        found = matcher(rich(rich.space.values(given)[None].float())[0].numpy(), rich.signal.sample_rate)
        for name in (name for name, known in found.determined.items() if known):
            low = given[name] * (1 - given["glide"] if name == "omega" else 1)
            away = max(low - found.parameters[name], found.parameters[name] - given[name], 0)
            covered.append(away <= 3 * found.standard_errors[name])
    assert len(covered) >= 8
    assert sum(covered) >= 0.9 * len(covered)
