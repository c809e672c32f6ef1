"""A Faust program as a synthesizer: a known sound is found again, then a recording of a bass drum is matched with it."""

from pathlib import Path

import invsound

examples = Path(__file__).parent
program = {"file": str(examples / "faust" / "kick.dsp"), "num_samples": 16384, "sample_rate": 22050, "free": ["pitch", "sweep", "decay"]}
options = [f"synth.{name}={value}" for name, value in program.items()]
kick = invsound.make("synth", "faust", **program)
print(f"{program['file']}: {kick.space.describe()}")

true = kick.space.values({"pitch": 62, "sweep": 1.7, "decay": 0.11})
x = kick(true[None])[0]
found = invsound.match(
    x.numpy(), 22050, synth="faust", feature="mss", overrides=[*options, "feature.n_fft=[1024,256]"], candidates=64, budget=10
)
for name, value in kick.space.named(true).items():
    print(f"{name:>6}: {value:.4g}, found {found.parameters[name]:.4g} {found.units[name]}")
assert found.distance < 0.1 * found.random_distance

recording = examples / "recordings" / "bd_808.flac"
match = invsound.match(recording, synth="faust", feature="mss", overrides=[*options, "feature.n_fft=[1024,256]"], candidates=64, budget=5)
print(f"{recording.name}: {', '.join(f'{name}={value:.4g} {match.units[name]}' for name, value in match.parameters.items())}")
assert match.distance < match.random_distance
