"""Mutants: trained encoders, of one that a second of training has made."""

import atexit
import json
import shutil
import tempfile
from pathlib import Path

import torch

from invsound.system.tensors import save_tensors

from .common import MUTANTS, Options
from .encoders import GoodEncoder
from .synths import GoodSynth

FOLDER = Path(tempfile.mkdtemp(prefix="invsound-mutants-"))
atexit.register(shutil.rmtree, FOLDER, ignore_errors=True)
MADE_OF = "parts: {synth: 'mutant-parts:GoodSynth', encoder: 'mutant-parts:%s'}\n"


def trained(synth):
    """The state of an encoder that has heard 256 sounds 200 times."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = GoodEncoder(synth.signal, synth.space.width, Options())
        nu = 2 * torch.rand(256, synth.space.width) - 1
        inputs = encoder.prepare(synth(synth.space.to_theta(nu)).detach())
        adam = torch.optim.Adam(encoder.parameters(), 1e-2)
        for _ in range(200):
            adam.zero_grad()
            (encoder(inputs) - nu).square().mean().backward()
            adam.step()
    return encoder.eval().state_dict()


def written(name, encoder="GoodEncoder"):
    folder = FOLDER / name
    folder.mkdir()
    errors = {p.name: {"unit": p.unit, "trained": 0.1} for p in SYNTH.space}
    card = {"name": name, "training": {}, "sound_count": 1, "scores": {}, "parameters": errors, "versions": {}}
    (folder / "card.json").write_text(json.dumps(card))
    (folder / "README.md").write_text(f"# {name}\n")
    (folder / "trained.yaml").write_text(MADE_OF % encoder)
    save_tensors(folder / "encoder.safetensors", STATE)
    return folder


def mutant(name, law, **how):
    """A good one, which breaks a law as soon as it is altered."""
    MUTANTS.append(("pretrained", law, name, "pretrained"))
    return written(name, **how)


SYNTH = GoodSynth(Options())
STATE = trained(SYNTH)
GoodPretrained = written("GoodPretrained")

Untold = mutant("Untold", "is whole")
(Untold / "README.md").unlink()

Unscored = mutant("Unscored", "is whole")
(Unscored / "card.json").write_text("{}")

Another = mutant("Another", "is whole")
(Another / "card.json").write_text((GoodPretrained / "card.json").read_text().replace(f'"{SYNTH.space.names[0]}"', '"another"'))

Large = mutant("Large", "is small")
with (Large / "encoder.onnx").open("wb") as file:
    file.truncate(2**24)

Deaf = mutant("Deaf", "hears better than nothing")
last = max(name for name in STATE if name.endswith("weight"))
save_tensors(Deaf / "encoder.safetensors", STATE | {last: -STATE[last]})

Social = mutant("Social", "answers each sound for itself", encoder="Centred")
