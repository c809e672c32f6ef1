"""A run in Python: train a small encoder on the arpeggiator, and look at what it learned."""

import tempfile
from pathlib import Path

import invsound

with tempfile.TemporaryDirectory() as folder:
    result = invsound.run(
        synth="amfm",
        feature="mss",
        loss="pnp",
        overrides=["synth.num_samples=8192", "feature.n_fft=[512,128]", "data.train=96", "data.val=16", "data.test=16", "train.epochs=12"],
        out=Path(folder) / "run",
    )
    error = result["parameters"]["f0"]
    print(f"mean error of f0: {error['trained']:.1f} Hz trained, {error['training_mean']:.1f} Hz by guessing the mean")
    assert error["trained"] < error["training_mean"]
    assert (Path(folder) / "run" / "report.html").exists()
