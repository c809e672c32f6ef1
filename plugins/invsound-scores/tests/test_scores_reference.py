"""A dozen pairs of sounds: what librosa, scipy and POT say of them, kept in data/ and, where they are installed, made again."""

import json
import runpy
from pathlib import Path

import pytest
import torch

import invsound

DATA = Path(__file__).parent / "data"
STORED = json.loads((DATA / "references.json").read_text())
PARTS = [(kind, part) for kind, parts in STORED.items() for part in parts]


@pytest.fixture(scope="module")
def references():
    return runpy.run_path(str(DATA / "references.py"))


@pytest.fixture(scope="module")
def pairs(references):
    return references["pairs"]()


@pytest.mark.parametrize(("kind", "part"), PARTS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_distances_are_those_of_independent_implementations(kind, part, dtype, pairs):
    known = {name: value for name, value in STORED[kind][part].items() if value is not None}
    found = {}
    for name in known:
        rate, *sounds = pairs[name]
        instance = invsound.make(kind, part, signal=invsound.Signal(rate, len(sounds[0])))
        x_hat, x = (torch.from_numpy(sound)[None].to(dtype) for sound in sounds)
        found[name] = float(instance(x_hat, x) if kind == "score" else (instance(x_hat) - instance(x)).norm())
    assert len(found) >= 11
    rounding = {"rel": 1e-6, "abs": 1e-12} if dtype == torch.float64 else {"rel": 1e-5, "abs": 1e-7}
    assert found == pytest.approx(known, **rounding)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_stored_numbers_are_made_again(references):
    pytest.importorskip("librosa")
    pytest.importorskip("ot")
    assert json.loads(json.dumps(references["measured"]())) == STORED
