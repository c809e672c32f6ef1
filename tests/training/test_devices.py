"""Training on several devices is training on one: the same sounds, gradients and scores, whoever is killed, and what fails is said."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import nn

import invsound as api
from invsound.runs.stages import Train
from invsound.training import ranks
from invsound.training.normalization import GlobalBatchNorm

pytest.importorskip("lightning_fabric", reason="pip install 'invsound[devices]'")

SMALL = [
    "data.train=50", "data.val=7", "data.test=4", "train.epochs=3", "train.batch=16", "evaluate.sounds=0", "evaluate.scores=[mss]",
    "evaluate.micro=false", "feature.n_fft=[64]", "encoder.dropout=0",
]  # fmt: skip
TWO = [*SMALL, "train.devices=2"]
COMMAND = [sys.executable, "-m", "invsound", "run", "--synth", "amfm", "synth.num_samples=1024", "--feature", "mss", "--loss", "pnp"]


def told(folder):
    return [json.loads(line) for line in (Path(folder) / "metrics.jsonl").read_text().splitlines()]


def of_mss(folder):
    return json.loads((Path(folder) / "scores.json").read_text())["scores"]["mss"]["trained"]["macro"]


def same(one, two):
    """Losses of each epoch, and the score."""
    for a, b in zip(told(one), told(two), strict=True):
        for name in {"train_loss", "val_loss"} & a.keys():
            assert b[name] == pytest.approx(a[name], rel=1e-5), (a["epoch"], name)
        assert b.get("steps") == a.get("steps")
    assert of_mss(two) == pytest.approx(of_mss(one), rel=1e-4)


def test_two_are_as_one_and_go_on_where_they_were_stopped(tiny):
    """50 sounds in batches of 16 leave two: one here, one there. Seven validate: four here, three there.

    By gradient descent: Adam divides a gradient that is rounding by its own size.
    """
    api.run(tiny, "mss", "pnp", optimizer="sgd", overrides=SMALL, out="one", quiet=True)
    heard = []

    def stop(metrics):
        heard.append(metrics["epoch"])
        if metrics["epoch"] == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.run(tiny, "mss", "pnp", optimizer="sgd", overrides=TWO, out="two", quiet=True, on_epoch=stop)
    assert heard == [1, 2]
    assert not Path("two/scores.json").exists()
    assert not [line for line in children() if "spawn_main" in line]
    api.resume("two", quiet=True, on_epoch=stop)
    assert heard == [1, 2, 3]
    same("one", "two")


def children():
    """Command lines of the processes that this one has started."""
    pids = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids if Path(f"/proc/{pid}/cmdline").exists()]


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA devices")
def test_two_cuda_devices_are_as_one(tiny):
    for name, of in {"one": SMALL, "two": TWO}.items():
        api.run(tiny, "mss", "pnp", optimizer="sgd", overrides=of, out=name, quiet=True, device="cuda")
    same("one", "two")


@pytest.mark.slow
def test_fresh_sounds_are_those_of_one(tiny):
    for name, of in {"one": SMALL, "two": TWO}.items():
        fresh = [*of, "data.fresh=true", "train.plateau=1"]
        api.run(tiny, "mss", "ploss", optimizer="sgd", overrides=fresh, out=name, quiet=True, jobs=2)
    same("one", "two")


@pytest.mark.slow
def test_what_each_has_of_batch_norms_is_another_training(tiny):
    for norm in ("global", "local"):
        api.run(tiny, "mss", "pnp", overrides=[*TWO, f"train.batch_norm={norm}", "train.epochs=1"], out=norm, quiet=True)
    assert told("local")[1]["train_loss"] != pytest.approx(told("global")[1]["train_loss"], rel=1e-3)


@pytest.mark.slow
def test_what_fails_in_one_of_them_ends_all_with_its_words(tiny):
    with pytest.raises(api.NonFiniteError, match=r"Lower optimizer\.lr"):
        api.run(tiny, "mss", "pnp", overrides=[*TWO, "optimizer.lr=1e30"], out="two", quiet=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_one_that_is_killed_is_said_and_the_rest_goes_on(number, tmp_path):
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    few = [*TWO, "train.epochs=40"]
    process = subprocess.Popen(
        [*COMMAND, *few, "--out", "cut"], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env=environment, start_new_session=True,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    while not (tmp_path / "cut" / "metrics.jsonl").exists() or len(told("cut")) < 3:
        assert process.poll() is None
        time.sleep(0.01)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)
    else:
        pids = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        ranks = [int(pid) for pid in pids if "spawn_main" in Path(f"/proc/{pid}/cmdline").read_text()]
        os.kill(ranks[-1], number)
    said = process.communicate(timeout=300)[1]
    assert process.returncode == {signal.SIGKILL: 1, signal.SIGINT: 130}[number], said
    assert {signal.SIGKILL: "was killed", signal.SIGINT: "Interrupted"}[number] in said
    assert "Traceback" not in said
    assert api.resume("cut", quiet=True)["sound_count"] == 4
    api.run("amfm", "mss", "pnp", overrides=["synth.num_samples=1024", *few], out="whole", quiet=True)
    assert of_mss("cut") == of_mss("whole")


CUDA = pytest.param("cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")])


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_half_precision_on_one_device_learns_the_same_roughly(tiny, device):
    for name, precision in {"full": "32-true", "half": "bf16-mixed"}.items():
        overrides = [*SMALL, f"train.precision={precision}"]
        api.run(tiny, "mss", "pnp", overrides=overrides, out=name, quiet=True, device=device)
    full, half = told("full")[-1]["val_loss"], told("half")[-1]["val_loss"]
    assert half != full
    assert half == pytest.approx(full, rel=0.3)


@pytest.mark.parametrize("shape", [(6, 3), (6, 3, 5), (6, 3, 5, 2)])
def test_a_global_batch_norm_of_one_rank_is_a_batch_norm(shape, tmp_path):
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/store", rank=0, world_size=1)
    try:
        kind = (nn.BatchNorm1d, nn.BatchNorm1d, nn.BatchNorm2d)[len(shape) - 2]
        draw = torch.Generator().manual_seed(0)
        reference, own = kind(3, momentum=0.3).double(), kind(3, momentum=0.3).double()
        module = GlobalBatchNorm(own)
        assert module.state_dict().keys() == reference.state_dict().keys()
        for _ in range(3):
            x = torch.randn(shape, generator=draw, dtype=torch.float64) * 2 + 1
            a, b = x.clone().requires_grad_(), x.clone().requires_grad_()
            weights = torch.randn(shape, generator=draw, dtype=torch.float64)
            ya, yb = reference(a), module(b)
            torch.testing.assert_close(yb, ya)
            (ya * weights).sum().backward()
            (yb * weights).sum().backward()
            torch.testing.assert_close(b.grad, a.grad)
        for name, value in reference.state_dict().items():
            torch.testing.assert_close(module.state_dict()[name], value)
        torch.testing.assert_close(module.weight.grad, reference.weight.grad)
        torch.testing.assert_close(module.eval()(x), reference.eval()(x))
    finally:
        torch.distributed.destroy_process_group()


def test_what_cannot_be_is_said_before_anything_is_made(tiny, monkeypatch):
    with pytest.raises(api.UsageError, match=r"train\.batch=3 is too few for 2 devices.*Give train\.batch=4"):
        api.run(tiny, "mss", "pnp", overrides=[*TWO, "train.batch=3", "train.batch_norm=local"], quiet=True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(api.UsageError, match=r"train\.devices=2, but cuda has 1 here"):
        ranks.check(Train(devices=2), "cuda:0")
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(api.UsageError, match=r"pip install 'invsound\[devices\]'"):
        api.run(tiny, "mss", "pnp", overrides=TWO, quiet=True)
    assert not Path("runs").exists()
