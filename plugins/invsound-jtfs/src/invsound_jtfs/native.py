"""The inner loops in C, built by the machine's own compiler: half a second, once per process, where torch.compile takes several.

They release the interpreter's lock, and keep in registers each product that plain torch writes once and reads six times.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
import subprocess
import tempfile
from ctypes import c_double, c_int, c_long, c_void_p
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .band import Band
from .modulus import Loops, tiny
from .products import Filters

log = logging.getLogger("invsound.jtfs")
SOURCE = Path(__file__).with_name("loops.c")
FLAGS = ["-O2", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-fassociative-math", "-shared", "-fPIC"]
MACHINE = {"AVX512": ["-march=x86-64-v4"], "AVX2": ["-march=x86-64-v3"]}
STRETCH = 1 << 15
"""Numbers of the columns of one stretch, which stay in cache while all filters meet them."""
VECTOR = 16
"""Numbers in the longest vector of any machine."""
TYPES = {torch.float32: "float", torch.float64: "double"}
SIGNATURES = {
    "push": [c_void_p, *[c_long] * 5, c_void_p, c_void_p, c_long, c_long, c_double, c_int, c_void_p, c_long, c_long, c_void_p, c_long],
    "pull": [c_void_p, c_void_p, c_long, c_long, c_long, c_double, c_void_p, c_long, c_long],
    "band": [c_void_p, c_long, c_long, c_void_p, c_long, c_void_p, c_long, c_int, c_void_p, c_long],
    "modulus": [c_void_p, c_long, c_long, c_long, c_double, c_void_p],
    "turn": [c_void_p, c_long, c_double, c_void_p],
}


def build(dtype: torch.dtype) -> ctypes.CDLL:
    """The shared library, loaded. Raises OSError or subprocess.SubprocessError where there is no compiler, or it fails."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        raise FileNotFoundError("no C compiler (cc, gcc or clang; CC names another)")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        target = Path(folder, "loops.so")
        machine = MACHINE.get(torch.backends.cpu.get_cpu_capability(), [])
        command = [*compiler.split(), *FLAGS, *machine, f"-Dreal={TYPES[dtype]}", str(SOURCE), "-o", str(target), "-lm"]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
        library = ctypes.CDLL(str(target))
    for name, types in SIGNATURES.items():
        function = getattr(library, name)
        function.argtypes, function.restype = types, None
    return library


class Native(Loops):
    """`Loops` in C, on contiguous tensors of one dtype."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.library, self.tiny = build(dtype), tiny(dtype)

    def push(self, f: Filters, Y: Tensor, out: Tensor, total: bool) -> None:
        n, C, t = Y.shape
        stretch = max(VECTOR, STRETCH // (2 * n * C * VECTOR) * VECTOR)
        work = f.ab.new_empty(2 * n * C * stretch)
        columns = Y.data_ptr(), n, C, t, *Y.stride()[:2]
        filters = f.ab.data_ptr(), f.spans.data_ptr(), len(f.ab) // 2, f.alone
        self.library.push(*columns, *filters, self.tiny, total, out.data_ptr(), out.stride(0), out.stride(1), work.data_ptr(), stretch)

    def band(self, band: Band, spectrum: Tensor, out: Tensor) -> Tensor:  # type: ignore[override]
        spectrum = spectrum.contiguous()
        rows, pieces = spectrum.numel() // spectrum.shape[-1], len(band.places)
        how = band.places.data_ptr(), pieces, band.weights.data_ptr(), band.filled, band.folded
        self.library.band(spectrum.data_ptr(), rows, spectrum.shape[-1], *how, out.data_ptr(), out.shape[-1])
        return out

    def pull(self, w: Tensor, alone: int, m: Tensor) -> None:
        (R, _, t), P = w.shape, w.data_ptr()
        Q = P + w.nbytes // 2
        self.library.pull(P, Q, R // 2, alone, t, self.tiny, m.data_ptr(), m.stride(0), int(m.shape[1] > 1))

    def modulus(self, z: Tensor) -> Tensor:  # type: ignore[override]
        m = torch.empty(z.shape, dtype=z.real.dtype)
        self.library.modulus(z.data_ptr(), z.shape[0], z.shape[1], z.shape[2], self.tiny, m.data_ptr())
        return m

    def turn(self, z: Tensor, m: Tensor) -> None:  # type: ignore[override]
        self.library.turn(z.data_ptr(), z.numel(), self.tiny, m.contiguous().data_ptr())


def disagreement(mine: Loops, plain: Loops, dtype: torch.dtype) -> float:
    """The largest difference between two implementations on a small example of each loop, relative to the largest value."""
    generator, results = torch.Generator().manual_seed(0), []
    w, Y = (torch.randn(rows, 3, 32, dtype=dtype.to_complex(), generator=generator) for rows in (10, 4))
    w[3, 0, :2] = w[8, 0, :2] = Y[:, 0, :2] = 0
    m, rows = torch.randn(8, 32, dtype=dtype, generator=generator), torch.randn(5, 4, dtype=dtype.to_complex(), generator=generator)
    rows[2, 2:] = rows[4, 0] = 0
    f = Filters.of(rows.numpy(), 2, 0.0, dtype=dtype)
    bands = [Band.of(first, np.arange(1.0, 9.0), 16, size, 1, dtype=dtype) for first in (-3, 1, 5) for size in (4, 16)]
    spectra = torch.randn(3, 9, dtype=dtype.to_complex(), generator=generator)
    for loops in (mine, plain):
        sums, each, folded, turned = m.new_zeros(8, 3, 1), m.new_zeros(8, 3, 32), w[:, :1].clone(), w[:8, 0].clone()
        loops.push(f, Y, sums, True)
        loops.push(f, Y, each, False)
        loops.pull(folded, 2, m)
        loops.turn(turned, m)
        filtered = [loops.band(band, spectra, spectra.new_empty(3, size)) for band, size in zip(bands, (4, 16) * 3, strict=True)]
        parts = (sums, each, loops.modulus(w), *map(torch.view_as_real, (folded, turned, *filtered)))
        results.append(torch.cat([part.flatten() for part in parts]))
    return float((results[0] - results[1]).abs().max() / results[1].abs().max())


@cache
def loops(dtype: torch.dtype, device: torch.device, compiled: bool) -> Loops:
    """Compiled loops where they are wanted, can be had and agree with plain torch; plain torch otherwise, with one line in the log."""
    plain = Loops()
    if not compiled or device.type != "cpu" or dtype not in TYPES:
        return plain
    try:
        native = Native(dtype)
        error = disagreement(native, plain, dtype)
        if not error < 100 * torch.finfo(dtype).eps:
            raise ValueError(f"they differ from plain torch by {error:.0e}")
    except (OSError, ValueError, AttributeError, subprocess.SubprocessError) as error:
        log.info("JTFS: the loops are not compiled, and slower: %s.", error)
        return plain
    return native
