"""Match a recording of a tom without training, from Python."""

from pathlib import Path

import invsound

recording = Path(__file__).parent / "recordings" / "drum_tom_lo_soft.flac"
found = invsound.match(recording, synth="ftm", feature="mss", overrides=["feature.n_fft=[2048,512]"], candidates=128, starts=1, budget=30)
for name, value in found.parameters.items():
    error = found.standard_errors[name]  # None for one that is held, or at the end of its range
    print(f"{name:>6} = {value:.5g} {found.units[name]}" + (f" ± {error:.2g}" if error is not None else ""))
print(f"distance {found.distance:.3g}, of a typical random drum {found.random_distance:.3g}. {found.advice}")
assert found.distance < found.random_distance
assert found.x_hat.shape == found.x.shape
