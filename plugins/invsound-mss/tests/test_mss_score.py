"""The multi-resolution STFT distance against numpy, and its laws."""

import numpy as np
import pytest
import torch
from invsound_mss.score import MultiResolutionSTFT, MultiResolutionSTFTOptions

from invsound import Signal

signal = Signal(22050, 6000)
distance = MultiResolutionSTFT(signal, MultiResolutionSTFTOptions())


def magnitudes(x: np.ndarray, n_fft: int, hop: int, length: int) -> np.ndarray:
    window = np.zeros(n_fft)
    window[(n_fft - length) // 2 :][:length] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)
    padded = np.pad(x, n_fft // 2, mode="reflect")
    frames = np.stack([padded[j * hop :][:n_fft] * window for j in range(1 + len(x) // hop)])
    return np.maximum(np.abs(np.fft.rfft(frames)), 1e-4)


def reference(x_hat: np.ndarray, x: np.ndarray) -> float:
    """The published formula with auraloss's default resolutions, for one sound."""
    terms = []
    for resolution in (1024, 120, 600), (2048, 240, 1200), (512, 50, 240):
        Y_hat, Y = magnitudes(x_hat, *resolution), magnitudes(x, *resolution)
        terms.append(np.sqrt(((Y - Y_hat) ** 2).sum() / (Y**2).sum()) + np.abs(np.log(Y / Y_hat)).mean())
    return float(np.mean(terms))


def sounds() -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(6, 6000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    return x[:3] * torch.linspace(1, 0, 6000), x[3:] * torch.tensor([[1.0], [0.1], [0.001]])


def test_agrees_with_numpy_row_by_row() -> None:
    x_hat, x = sounds()
    expected = [reference(a, b) for a, b in zip(x_hat.numpy(), x.numpy(), strict=True)]
    assert distance(x_hat, x).tolist() == pytest.approx(expected, rel=1e-9)
    assert distance(x_hat.float(), x.float()).tolist() == pytest.approx(expected, rel=1e-3)


def test_zero_at_the_target_and_positive_elsewhere() -> None:
    x_hat, x = sounds()
    assert (distance(x, x) == 0).all()
    assert (distance(x_hat, x) > 0.1).all()


def test_finite_on_silence_on_either_side() -> None:
    x, silence = torch.randn(2, 6000, generator=torch.Generator().manual_seed(1)), torch.zeros(2, 6000)
    assert (distance(silence, silence) == 0).all()
    for value in distance(x, silence), distance(silence, x):
        assert value.isfinite().all()
        assert (value > 1).all()


@pytest.mark.parametrize("num_samples", [1, 100, 700])
def test_sounds_shorter_than_a_window(num_samples: int) -> None:
    x = torch.randn(2, num_samples, generator=torch.Generator().manual_seed(2))
    value = distance(x, x.flip(0))
    assert value.isfinite().all()
    assert (value > 0).all()


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="one entry per resolution"):
        MultiResolutionSTFTOptions(hop=[10])
    with pytest.raises(ValueError, match="1 to n_fft"):
        MultiResolutionSTFTOptions(n_fft=[64], hop=[16], window=[128])
