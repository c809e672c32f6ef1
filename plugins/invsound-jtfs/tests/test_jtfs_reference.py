"""Agreement with kymatio's main branch: stored values of `TimeFrequencyScattering` and of its directional derivatives."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from invsound_jtfs.jtfs import JTFS, JTFSOptions

from invsound import Signal

DATA = next(parent for parent in Path(__file__).resolve().parents if (parent / "tests" / "data").is_dir()) / "tests" / "data" / "jtfs"
VALUES = sorted(path.name for path in DATA.glob("*.npz") if not path.name.startswith("jac_"))
TANGENTS = sorted(path.name for path in DATA.glob("jac_*.npz"))
PRECISION = {torch.float64: 1e-9, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def load(name, **options):
    data = dict(np.load(DATA / name))
    config = json.loads(str(data["config"]))
    (N,), T, F = config.pop("shape"), config.pop("T"), config.pop("F")
    config |= {"T": 2 ** config["J"] if T is None else T, "F": 2 ** config["J_fr"] if F is None else F}
    return data, JTFS(Signal(1000.0, N), JTFSOptions(**{**config, "log": False, **options}))


def relative(S, reference):
    S, reference = S.detach().double().flatten(1), torch.as_tensor(reference).double().flatten(1)
    assert S.shape == reference.shape
    silent = reference.norm(dim=1) == 0
    assert (S[silent] == 0).all()
    return ((S - reference).norm(dim=1) / reference.norm(dim=1))[~silent].max()


def both(names):
    """Each signal compiled and plain; the long ones plain in `nox -s slow` alone."""
    for name in names:
        yield pytest.param(name, True, id=f"compiled-{name}")
        yield pytest.param(name, False, id=f"plain-{name}", marks=[pytest.mark.slow] if "paper" in name else [])


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize(("name", "compiled"), list(both(VALUES)))
def test_rows_of_the_time_format(name, dtype, compiled):
    data, feature = load(name, order0=True, compile=compiled)
    reference = data["S_time"] if "S_time" in data else data["S_time_flat"]
    assert relative(feature(torch.as_tensor(data["x"]).to(dtype)), reference) < PRECISION[dtype]


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize(("name", "compiled"), list(both(name for name in VALUES if "S_joint" in np.load(DATA / name))))
def test_rows_of_the_joint_format(name, dtype, compiled):
    data, feature = load(name, format="joint", compile=compiled)
    x = torch.as_tensor(data["x"])[:2]
    assert relative(feature(x.to(dtype)), data["S_joint"][:2]) < PRECISION[dtype]


@pytest.mark.parametrize("name", [name for name in VALUES if "paper" not in name])
def test_geometry(name):
    data, feature = load(name)
    from invsound_jtfs.geometry import Geometry

    geometry = Geometry.of(feature.config)
    ours = (geometry.padded, geometry.left, geometry.right, geometry.padded_fr, geometry.log2_stride, geometry.log2_stride_fr)
    assert ours == tuple(int(data[key]) for key in ("N_padded", "pad_left", "pad_right", "N_padded_fr", "log2_stride", "log2_stride_fr"))


@pytest.mark.parametrize("dtype", PRECISION, ids=str)
@pytest.mark.parametrize(("name", "compiled"), list(both(TANGENTS)))
def test_derivatives_along_given_directions(name, dtype, compiled):
    data, feature = load(name, order0=True, compile=compiled)
    x, dx = torch.as_tensor(data["x"]).to(dtype)[None], torch.as_tensor(data["dx"]).to(dtype)
    S = feature(x)
    dS = torch.func.vmap(lambda v: torch.func.jvp(feature, (x,), (v[None],))[1], in_dims=1, out_dims=2)(dx)
    loose = dtype == torch.float32
    assert relative(S, data["S"][None]) < PRECISION[dtype]
    assert relative(dS, data["dS"][None]) < (1e-4 if loose else 1e-9)
    J = 1e3 * dS[0].double() / (1 + 1e3 * S[0].double())[:, None]
    M, reference = J.T @ J, torch.as_tensor(data["M"])
    assert (M - reference).norm() < (5e-4 if loose else 1e-9) * reference.norm()


@pytest.mark.parametrize("name", TANGENTS)
def test_jacobian_of_the_log(name):
    data, feature = load(name, log=True)
    x, dx = torch.as_tensor(data["x"])[None], torch.as_tensor(data["dx"])
    J = torch.func.jacfwd(lambda a: feature(x + (dx @ a)[None])[0])(torch.zeros(dx.shape[1], dtype=dx.dtype))
    assert relative(J[None], data["Jlog"][None, 1:]) < 1e-9
