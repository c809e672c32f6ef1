"""What a sound cannot tell apart is not determined, whatever rounding makes of its derivatives."""

import pytest
import torch

import invsound


@pytest.mark.parametrize("feature", ["mss", "jtfs"])
def test_a_string_sounds_by_ratios_of_its_parameters_and_determines_none(feature):
    """EI, T0, d1, d3 and lambda may grow together, and, by powers of ell, with it: of six parameters four combinations sound."""
    of = {
        "synth": {"num_samples": 8192}, "feature": {"mss": {"n_fft": [1024, 256]}, "jtfs": {"J": 8, "Q": [4, 1]}}[feature],
        "match": {"candidates": 16, "evaluations": 120, "starts": 1, "budget": None},
    }  # fmt: skip
    matcher = invsound.Matcher("string", feature, None, of, quiet=True)
    theta = matcher.synth.space.to_theta(torch.tensor([[0.2, -0.3, 0.1, 0.4, -0.2, 0.3]], dtype=torch.float64))
    x = matcher.synth(theta.float())[0].numpy()
    found = matcher(x, matcher.synth.signal.sample_rate)
    assert found.distance < 0.01 * found.random_distance
    assert not any(found.determined.values())
    assert "Not determined by this sound: EI, T0, d1, d3, lambda, ell." in found.advice
