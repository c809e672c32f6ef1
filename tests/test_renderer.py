"""Synths that are rendered in processes of their own: the same bits in any order, and what may go wrong there ends nothing."""

import copy
import json
import os
import pickle
import runpy
import shutil
import signal
import subprocess
import sys
import textwrap

import pytest
import torch

import invsound
from invsound.hooks import registry
from invsound.outside import nursery
from invsound.outside.calling import address, call, found

SOURCE = '''
import os, signal, time
from dataclasses import dataclass
import numpy as np
import invsound
from invsound import Choice, Parameter, Signal, Space

@dataclass
class Options:
    """Ring.

    num_samples: length
    trouble: what happens when it is made
    """
    num_samples: int = 64
    trouble: str = ""

class Ring(invsound.Renderer):
    """A sine, or its sign; what it does for whole numbers from 1 on is what strangers' code does."""
    Options = Options
    limit = 2
    def __init__(self, options):
        super().__init__(options)
        self.signal = Signal(8000, options.num_samples)
        self.space = Space(Parameter("f", "Hz", 100, 1000, "log"), Parameter("n", "", 0, 6, step=1), Choice("wave", ("sine", "square")))
    def begin(self):
        if self.options.trouble == "raise":
            raise OSError("no such plug-in")
        if self.options.trouble == "exit":
            os._exit(7)
        self.t, self.count = np.arange(self.signal.num_samples) / 8000, 0
    def sound(self, values):
        trouble = values["n"]
        x = np.sin(2 * np.pi * values["f"] * self.t)
        if trouble == 1: raise KeyError("no such patch")
        if trouble == 2: os._exit(3)
        if trouble == 3: os.kill(os.getpid(), 11)
        if trouble == 4: time.sleep(60)
        if trouble == 5: return x * np.nan
        if trouble == 6: return x[1:]
        return x if values["wave"] == "sine" else np.sign(x)

class Mortal(Ring):
    """A ring without trouble, but for every third sound that it makes first: its process is killed in the midst of it."""
    def __init__(self, options):
        super().__init__(options)
        self.space = Space(Parameter("f", "Hz", 100, 1000, "log"), Choice("wave", ("sine", "square")))
    def sound(self, values):
        name = f"killed/{values['f']!r}"
        if os.path.isdir("killed") and int(1e6 * values["f"]) % 3 == 0 and not os.path.exists(name):
            open(name, "w").close()
            os.kill(os.getpid(), signal.SIGSEGV)
        return super().sound({"n": 0} | values)

class Fragile(Mortal):
    """A ring that ends its process at some frequencies, and fails at all from 500 Hz on."""
    def sound(self, values):
        if 400 < values["f"] < 420: os._exit(3)
        if values["f"] > 500: raise KeyError("no such patch")
        return super().sound(values)

def pid(): return os.getpid()
def gone(): os._exit(4)
def wrong(): raise ValueError("line 3: no")
def late(): time.sleep(60)
'''
PARTS = "Part('ring', 'ring_parts:Ring'), Part('mortal', 'ring_parts:Mortal'), Part('fragile', 'ring_parts:Fragile')"
HOOK = f"from invsound import Part, hookimpl\n@hookimpl\ndef invsound_synths(): return [{PARTS}]\n"
GOOD = torch.tensor([[440.0, 0, 0], [300, 0, 1], [150, 0, 0]])


@pytest.fixture(scope="module", autouse=True)
def ring_parts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ring")
    (folder / "ring_parts.py").write_text(SOURCE)
    (folder / "ring_hook.py").write_text(HOOK)
    info = folder / "ring_hook-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ring-hook\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[invsound]\nring = ring_hook\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        registry.plugins.cache_clear()
        import ring_parts

        yield ring_parts
    del sys.modules["ring_parts"]
    registry.plugins.cache_clear()


@pytest.fixture(scope="module")
def ring(ring_parts):
    """One synth, and its processes, for all tests."""
    return invsound.make("synth", "ring")


@pytest.fixture(scope="module")
def sounds(ring):
    return ring(GOOD)


def test_values_are_named_whole_numbers_whole_and_options_by_name(sounds):
    t = torch.arange(64) / 8000
    assert sounds.dtype == torch.float32
    assert torch.allclose(sounds[0], torch.sin(2 * torch.pi * 440 * t), atol=1e-4)
    assert set(sounds[1].tolist()) <= {-1.0, 0.0, 1.0}


def test_the_same_bits_in_any_order_in_any_copy_in_any_number(ring, sounds):
    order = torch.arange(30).mul(7).remainder(3)
    assert torch.equal(ring(GOOD[order]), sounds[order])
    assert torch.equal(torch.cat([ring(row[None]) for row in GOOD]), sounds)
    assert torch.equal(ring(GOOD.double()).float(), sounds)
    assert ring(GOOD[:0]).shape == (0, 64)
    assert torch.equal(pickle.loads(pickle.dumps(ring))(GOOD[:1]), sounds[:1])  # its own bytes
    assert torch.equal(copy.deepcopy(ring)(GOOD[:1]), sounds[:1])


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (1, "failed. KeyError (ring_parts.py, line 35): 'no such patch'"),
        (2, "ended the process (exit code 3), twice"),
        (3, "ended the process (SIGSEGV), twice"),
        (4, "took longer than its limit of 2 s"),
        (5, "gave a NaN or an infinity"),
        (6, "gave float64 of shape [63], not 64 numbers"),
    ],
)
def test_trouble_is_an_error_that_names_the_sound_and_the_next_one_goes_on(ring, sounds, trouble, says):
    theta = GOOD.clone()
    theta[1, 1] = trouble
    with pytest.raises(invsound.NonFiniteError if trouble == 5 else invsound.InvsoundError) as caught:
        ring(theta)
    assert str(caught.value) == (
        f"The synth ring (ring-hook 1.0) {says}, at f=300 Hz, n={trouble}, wave=square. "
        f"Hear it again: invsound render --synth ring f=300.0 n={trouble} wave=square"
    )
    assert torch.equal(ring(GOOD), sounds)


@pytest.mark.parametrize(
    ("trouble", "says"), [("raise", "OSError: no such plug-in"), ("exit", "ended the process (exit code 7), again and again")]
)
def test_a_synth_that_cannot_begin_says_why(trouble, says):
    with pytest.raises(invsound.InvsoundError, match="cannot be made in a process of its own") as caught:
        invsound.make("synth", "ring", trouble=trouble)(GOOD)
    assert says in str(caught.value)


def test_whoever_kills_a_process_changes_nothing_and_is_told(ring, sounds, caplog):
    ring(GOOD)
    pools = sys.modules["invsound.renderer"]._pools
    pools[ring]._idle[-1].send(b'{"f": 440.0, "n": 3, "wave": "sine"}')  # dies of it, unasked
    assert torch.equal(ring(GOOD.repeat(20, 1)), sounds.repeat(20, 1))
    assert [record.getMessage() for record in caplog.records] == [
        "A process that renders for the synth ring (ring-hook 1.0) ended (SIGSEGV): another takes its place."
    ]


def test_without_its_nursery_there_is_another(ring_parts):
    assert call(ring_parts.pid) != os.getpid()
    nursery._nursery._process.kill()
    nursery._nursery._process.wait()
    assert call(ring_parts.pid) != os.getpid()


def test_a_function_outside_may_do_what_it_likes(ring_parts):
    with pytest.raises(invsound.UsageError, match="line 3: no"):
        call(ring_parts.wrong)
    with pytest.raises(invsound.InvsoundError, match=r"gone ended the process \(exit code 4\), twice"):
        call(ring_parts.gone)
    with pytest.raises(invsound.InvsoundError, match=r"late took longer than 0\.2 s"):
        call(ring_parts.late, limit=0.2)


def test_the_command_line_renders_it(ring_parts, invsound, sounds):
    assert invsound("render", "--synth", "ring", "f=300", "wave=square", "n=0", "--out", "a.wav", "--json").exit_code == 0
    refused = invsound("render", "--synth", "ring", "synth.num_samples=99", "n=6", "f=300", "--out", "a.wav")
    assert refused.exit_code == 1
    assert "invsound render --synth ring synth.num_samples=99 f=300.0 n=6 wave=sine" in refused.stderr


def test_what_no_other_process_can_import_is_refused_in_words():
    class Local(sys.modules["ring_parts"].Ring):
        pass

    with pytest.raises(invsound.InvsoundError, match="Local is written inside a function"):
        Local(Local.Options())(GOOD)


def test_what_is_written_in_a_script_is_found_by_its_file(tmp_path, monkeypatch):
    (tmp_path / "script.py").write_text("class Bell:\n    pass\n\nif __name__ == '__main__':\n    raise SystemExit\n")
    script = type(sys)("__main__")
    script.__dict__.update(runpy.run_path(str(tmp_path / "script.py"), run_name="script"))
    script.Bell.__module__ = "__main__"
    for name in ("__main__", "__mp_main__"):
        monkeypatch.setitem(sys.modules, name, script)
    where = address(script.Bell)
    monkeypatch.setitem(sys.modules, "__main__", type(sys)("another"))
    assert where == ["__main__", "Bell", str(tmp_path / "script.py")]
    assert found(where) is found(where)
    monkeypatch.setitem(sys.modules, "__main__", type(sys)("notebook"))
    with pytest.raises(invsound.InvsoundError, match="in an interactive session"):
        address(script.Bell)


def test_processes_that_are_killed_while_they_render_change_no_score(invsound, toy, tmp_path, caplog):
    def scores(name):
        assert invsound(*toy("mortal", "feature.n_fft=[64]", "synth.num_samples=128", "--out", name)).exit_code == 0
        return json.loads((tmp_path / name / "scores.json").read_text())["scores"]

    calm = scores("calm")
    caplog.clear()
    killed = tmp_path / "killed"
    killed.mkdir()
    shutil.rmtree(tmp_path / "cache")
    assert scores("killed-in") == calm
    said = [record.getMessage() for record in caplog.records if "another takes its place" in record.getMessage()]
    assert len(said) == len(list(killed.iterdir())) >= 10
    assert set(said) == {"A process that renders for the synth mortal (ring-hook 1.0) ended (SIGSEGV): another takes its place."}


def test_a_script_without_a_main_guard_renders_and_its_processes_end_with_it(tmp_path, ring_parts):
    """However it ends: here it is killed while a sound hangs."""
    (tmp_path / "script.py").write_text(
        textwrap.dedent("""
        import os, signal, sys, torch
        from ring_parts import Options, Ring
        ring = Ring(Options())
        x = ring(torch.tensor([[440.0, 0, 0]]))
        ring.limit = 60
        (child,) = sys.modules["invsound.renderer"]._pools[ring]._idle
        child.send(b'{"f": 440.0, "n": 4, "wave": "sine"}')
        print(x.shape[-1], flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
        """)
    )
    environment = os.environ | {"PYTHONPATH": os.path.dirname(ring_parts.__file__)}
    script = subprocess.Popen([sys.executable, "script.py"], cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True)
    out, _ = script.communicate(timeout=60)  # to the end of all who hold its stdout
    assert int(out) > 0
    assert script.returncode == -signal.SIGKILL


def test_what_cannot_be_made_does_not_end_a_match_and_its_answer_can_be_made(ring, invsound, tmp_path):
    long, size = "synth.num_samples=512", ["match.candidates=60", "match.evaluations=300", "--jobs", 1]
    assert invsound("render", "--synth", "ring", long, "f=300", "wave=square", "n=0", "--out", "a.wav").exit_code == 0
    few = ["--synth", "fragile", long, "--feature", "mss", "feature.n_fft=[64]", *size]
    result = invsound("match", "a.wav", *few, "--out", "found")
    assert result.exit_code == 0, result.stderr
    assert 3 <= result.stderr.count("It counts as silence") <= 6  # of the candidates, and of the search
    assert "as will others, which are not told" in result.stderr
    assert "failed. KeyError (ring_parts.py, line 59): 'no such patch', at f=" in result.stderr
    found = json.loads((tmp_path / "found" / "match.json").read_text())
    assert found["parameters"]["wave"] == "square"
    assert found["parameters"]["f"] == pytest.approx(300, rel=0.02)
    hopeless = invsound("match", "a.wav", *few, "--fix", "f=700")
    assert hopeless.exit_code == 1
    assert "'no such patch', at f=700 Hz, wave=" in hopeless.stderr
