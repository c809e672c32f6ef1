"""The wavelets, as kymatio's main branch draws them: Fourier transforms sampled on the padded grids."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from kymatio.scattering1d.filter_bank import compute_params_filterbank, morlet_1d

from .band import window
from .geometry import ALPHA, SIGMA0


@dataclass(frozen=True)
class Wavelet:
    """Centre frequency xi and bandwidth sigma in cycles per sample; 2**j is the subsampling it allows."""

    xi: float
    sigma: float
    j: int

    def spectrum(self, N: int) -> np.ndarray:
        """Fourier transform [N] at the frequencies of `numpy.fft.fftfreq(N)`; of unit L1 norm in time."""
        psi: np.ndarray = morlet_1d(N, self.xi or None, self.sigma)
        return psi

    def window(self, N: int, tolerance: float) -> tuple[int, np.ndarray]:
        """Where `spectrum(N)` exceeds `tolerance` times its maximum: first bin, values."""
        xi, sigma = self.xi, self.sigma
        # the same bins of the same filter, without the empty ones; but its norm needs them all where it is longer than the grid
        while N % 2 == 0 and xi + 9 * sigma < 1 / 8 and N * sigma > 2:
            N, xi, sigma = N // 2, 2 * xi, 2 * sigma
        return window(Wavelet(xi, sigma, self.j).spectrum(N), tolerance)


def bank(J: int, Q: int) -> list[Wavelet]:
    """Q wavelets per octave, from the highest frequency down to about 2**-J."""
    return [Wavelet(*psi) for psi in zip(*compute_params_filterbank(SIGMA0 / 2**J, Q, ALPHA), strict=True)]


def lowpass(support: int) -> Wavelet:
    """The Gaussian of a given support in samples."""
    return Wavelet(0.0, SIGMA0 / support, int(np.log2(support)))


def spinned(J: int, Q: int) -> list[Wavelet]:
    """Wavelets along log-frequency: the low-pass filter, then positive spins, then negative spins."""
    positive = bank(J, Q)
    return [lowpass(2**J), *positive, *(Wavelet(-psi.xi, psi.sigma, psi.j) for psi in positive)]


def circulant(psi: Wavelet, size: int, stride: int) -> np.ndarray:
    """The matrix [size/stride, size] of the circular convolution with psi followed by subsampling; complex."""
    kernel = np.fft.ifft(psi.spectrum(size))
    return kernel[(stride * np.arange(size // stride)[:, None] - np.arange(size)) % size]
