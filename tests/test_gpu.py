"""The same code on a GPU gives the same numbers."""

from pathlib import Path

import pytest
import torch

import invsound
from invsound.hooks import registry

pytestmark = [pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")]


@pytest.mark.parametrize("synth", [o.part.name for o in registry.offers("synth") if registry.load(o).differentiable])
@pytest.mark.parametrize("feature", [o.part.name for o in registry.offers("feature")])
def test_forward_and_jacobian_agree_with_the_cpu(synth, feature):
    g = registry.build("synth", synth, {"num_samples": 4096})
    options = {"J": 8, "Q": [6, 1]} if feature == "jtfs" else {}
    nu = torch.rand(2, len(g.space), generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    cpu = invsound.Problem(g, registry.build("feature", feature, options, signal=g.signal))
    S, J = cpu(nu), cpu.jacobian(nu)
    gpu = cpu.to("cuda")
    assert gpu(nu.cuda()).device.type == "cuda"
    torch.testing.assert_close(gpu(nu.cuda()).cpu(), S, rtol=1e-8, atol=1e-8 * float(S.abs().max()))
    torch.testing.assert_close(gpu.jacobian(nu.cuda()).cpu(), J, rtol=1e-6, atol=1e-7 * float(J.abs().max()))


@pytest.mark.parametrize("options", [{}, {"T": 64}, {"T": 0}, {"format": "joint"}, {"F": "global"}], ids=str)
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-9), (torch.float32, 1e-4)], ids=str)
def test_scattering_agrees_with_the_cpu_in_both_modes(options, dtype, tolerance):
    feature = registry.build("feature", "jtfs", {"J": 8, "Q": [6, 1], "log": False, **options}, signal=invsound.Signal(8192.0, 4096))
    x, *dx = torch.randn(4, 2, 4096, generator=torch.Generator().manual_seed(0), dtype=dtype)

    def values(x, dx):
        dS = torch.func.vmap(lambda v: torch.func.jvp(feature, (x,), (v,))[1])(dx)
        return feature(x), torch.autograd.functional.vjp(lambda x: feature(x).square().sum(), x)[1], dS

    dx = torch.stack(dx)
    for there, here in zip(values(x.cuda(), dx.cuda()), values(x, dx), strict=True):
        assert there.device.type == "cuda"
        assert (there.cpu() - here).norm() < tolerance * here.norm()


def test_a_run_on_the_gpu(tmp_path, monkeypatch):
    monkeypatch.setenv("INVSOUND_CACHE", str(tmp_path / "cache"))
    result = invsound.run(
        synth="amfm",
        feature="jtfs",
        loss="pnp",
        device="cuda",
        out=tmp_path / "run",
        overrides=["synth.num_samples=8192", "feature.J=9", "data.train=16", "data.val=8", "data.test=8", "train.epochs=2"],
    )
    assert Path(result["folder"], "report.html").exists()
