"""The command line: quick to start, results on stdout, a clear line and the right exit code for every mistake."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

RECORDING = Path(__file__).parents[2] / "examples" / "recordings" / "drum_tom_lo_soft.flac"
MATCH = ["--synth", "ftm", "--feature", "mss", "feature.n_fft=[256]", "synth.num_samples=1024", "synth.num_modes=2"]


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["list-plugins"], ["list-plugins", "--json"], ["run", "--help"], ["match", "--help"]]
)
def test_looking_around_imports_neither_torch_nor_numpy(arguments):
    code = (
        "import sys; sys.argv[1:] = "
        + repr(arguments)
        + "\nfrom invsound.cli import main\ntry: main()\nexcept SystemExit as e: assert not e.code\n"
        "heavy = {'torch', 'numpy', 'scipy', 'kymatio', 'soundfile', 'omegaconf'} & set(sys.modules)\nassert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout


def test_list_plugins_names_every_shipped_part(invsound):
    rows = json.loads(invsound("list-plugins", "--json").stdout)
    assert rows["broken"] == []
    found = {(row["kind"], row["name"]) for row in rows["parts"]}
    assert found >= {("synth", n) for n in ("amfm", "ftm", "string", "drum", "ddsp")} | {("feature", n) for n in ("jtfs", "mss")}
    assert found >= {("loss", n) for n in ("ploss", "pnp", "ddsp")} | {("optimizer", n) for n in ("adam", "adamw", "sgd")}
    assert found >= {
        ("encoder", "cnn"),
        ("encoder", "efficientnet-b0"),
        ("solver", "lm"),
        ("solver", "descent"),
        ("score", "jtfs"),
        ("score", "mss"),
    }


def test_list_plugins_of_a_name_prints_parameters_and_options(invsound):
    text = invsound("list-plugins", "ftm").stdout
    assert "parameter omega: 251.327 to 6283.19 rad/s, log" in text
    assert "synth.num_modes=10 (int, 1 to 256): modes per axis" in text
    (described,) = json.loads(invsound("list-plugins", "pnp", "--json").stdout)
    assert {o["name"] for o in described["options"]} >= {"damping", "scale"}
    wrong = invsound("list-plugins", "fmt")
    assert wrong.exit_code == 2
    assert "Did you mean 'ftm'" in wrong.stderr


def test_doctor_is_content_with_what_is_shipped(invsound):
    result = invsound("doctor", "--json")
    assert result.exit_code == 0
    assert all(row["ok"] for row in json.loads(result.stdout))


def test_render_writes_the_sound_and_says_its_parameters(invsound):
    result = invsound("render", "--synth", "ftm", "omega=1200", "alpha=0.6", "--out", "tom.wav", "--json")
    assert result.exit_code == 0, result.stderr
    parameters = json.loads(result.stdout)["parameters"]
    assert parameters["omega"] == {"value": 1200.0, "unit": "rad/s"}
    x, rate = soundfile.read("tom.wav")
    assert (rate, len(x)) == (22050, 65536)
    assert abs(x).max() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["render", "--synth", "fmt"], "Did you mean 'ftm'? Installed: "),
        (["render", "--synth", "ftm", "omga=3"], "Did you mean 'omega'"),
        (["render", "--synth", "ftm", "omega=1"], "omega = 1 rad/s is out of bounds. Choose between 251.327 and 6283.19 rad/s"),
        (["render", "--synth", "ftm", "omega=loud"], "'loud' is no number"),
        (["render", "--synth", "ftm", "omega"], "Cannot read 'omega': an option is key=value"),
        (["render", "--synth", "ftm", "synth.num_mode=3"], "Did you mean 'num_modes'"),
        (["render", "--synth", "ftm", "synth.num_modes=many"], "takes an int, got 'many'"),
        (["run", "--synth", "fmt"], "Did you mean 'ftm'"),
        (["run", "--synth", "ftm", "--feature", "jfts"], "Did you mean 'jtfs'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--loss", "pmp"], "Did you mean 'pnp'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--optimizer", "adma"], "Did you mean 'adam'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--encoder", "cmn"], "Did you mean 'cnn'"),
        (["run", "--synth", "ftm", "--feature", "mss", "trian.epochs=3"], "Did you mean 'train'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--preset", "quik"], "Did you mean 'quick'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--device", "cuda:77"], "There is no device 'cuda:77' here. Available: cpu"),
        (["run", "--synth", "ftm", "--feature", "mss", "data.design=rnadom"], "Did you mean 'random'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--config", "nowhere.yaml"], "no options file 'nowhere.yaml'"),
        (["run", "--synth", "ftm", "--feature", "mss", "--target", "nowhere.wav"], "nowhere.wav. There is no such file"),
        (["run", "--synth", "ftm", "--feature", "mss", "stray.wav"], "an option is key=value"),
        (["run", "--synth", "ftm", "--feature", "jtfs", "feature.T=globl"], "globl"),
        (["run", "--synth", "ftm", "--feature", "jtfs", "feature.J=30"], "J"),
        (["run"], "Which synth"),
        (["run", "--synth"], "requires an argument"),
        (["match", "nowhere.wav", *MATCH], "There is no such file"),
        (["match", str(RECORDING), *MATCH, "--solver", "ml"], "Did you mean 'lm'"),
        (["match", str(RECORDING), *MATCH, "solver.iterations=0"], "iterations takes an int, 1 to 1000000, got 0"),
        (["match", str(RECORDING), *MATCH, "train.epochs=3"], "match has no option 'train'"),
        (["match", str(RECORDING), *MATCH, "--fix", "alpha"], "--fix takes NAME=VALUE"),
        (["match", str(RECORDING), *MATCH, "--fix", "alpha=7"], "Choose between 1e-05 and 1"),
        (["match", str(RECORDING), *MATCH, "--free", "tua"], "Did you mean 'tau'"),
        (["match", str(RECORDING), *MATCH, "--budget", "soon"], "a time such as 60s"),
        (["match", str(RECORDING), *MATCH, "--encoder", "nowhere"], "no run folder"),
        (["match", "solver.iterations=3", *MATCH], "Which sound"),
        (["evaluate", "nowhere"], "no run folder"),
        (["frobnicate"], "No such command"),
    ],
)
def test_a_mistake_is_one_clear_line_and_exit_code_two(arguments, message, invsound):
    result = invsound(*arguments)
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert result.exit_code == 2
    assert result.stdout == ""


@pytest.mark.parametrize("mistake", [["--device", "cuda:77"], ["data.design=rnadom"], ["data.val=0"], ["evaluate.scores=[mms]"]])
def test_a_mistake_leaves_no_run_folder_behind(mistake, invsound):
    assert invsound("run", "--synth", "ftm", "--feature", "mss", *mistake, "--out", "run").exit_code in (1, 2)
    assert not Path("run").exists()


def silent(path):
    soundfile.write(path, np.zeros(8000), 8000)


def not_a_number(path):
    soundfile.write(path, np.r_[np.ones(50), np.nan, np.ones(50)], 8000, subtype="FLOAT")


def empty(path):
    soundfile.write(path, np.zeros(0), 8000)


def corrupt(path):
    path.write_bytes(b"RIFF" + bytes(range(200)))


@pytest.mark.parametrize(("make", "word"), [(silent, "silent"), (not_a_number, "NaN"), (empty, "empty"), (corrupt, "not a sound file")])
@pytest.mark.parametrize("command", ["match", "run"])
def test_a_bad_recording_is_said_before_any_work(command, make, word, invsound, tmp_path):
    sound = tmp_path / "sound.wav"
    make(sound)
    arguments = ["match", sound, *MATCH] if command == "match" else ["run", "--synth", "ftm", "--feature", "mss", "--target", sound]
    result = invsound(*arguments)
    assert result.exit_code == 2
    assert word in result.stderr
    assert not Path("runs").exists()


def test_long_recordings_with_many_channels_are_read_and_said(invsound, tmp_path):
    rng = np.random.default_rng(0)
    x = np.zeros((300 * 4000, 8), dtype=np.float32)
    x[4000:6000] = rng.standard_normal((2000, 8)) * 0.1
    soundfile.write(tmp_path / "long.flac", x, 4000)
    result = invsound("match", tmp_path / "long.flac", *MATCH, "--candidates", 4, "--budget", "2s")
    assert result.exit_code == 0, result.stderr
    for note in ("8 channels averaged to mono", "onset found at", "resampled 4000 → 22050 Hz", "cropped 4 min"):
        assert note in result.stderr


@pytest.mark.parametrize("solver", ["lm", "descent"])
def test_match_finds_what_the_synth_made(solver, invsound):
    assert invsound("render", "--synth", "amfm", "synth.num_samples=4096", "f0=700", "fm=8", "gamma=2", "--out", "made.wav").exit_code == 0
    result = invsound(
        "match",
        "made.wav",
        "--synth",
        "amfm",
        "synth.num_samples=4096",
        "--feature",
        "mss",
        "feature.n_fft=[512]",
        "--solver",
        solver,
        "--json",
        "--out",
        "m",
    )
    assert result.exit_code == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["distance"] < 0.5 * found["random_distance"]
    assert found["parameters"]["f0"] == pytest.approx(700, rel=0.05)
    x, _ = soundfile.read("m/match.wav")
    assert len(x) == 4096
    assert json.loads(Path("m/match.json").read_text())["parameters"] == found["parameters"]
    assert "made.wav" in Path("m/match.html").read_text()


def test_several_sounds_make_a_table_and_a_failure_an_exit_code(invsound):
    for f0 in (600, 800):
        assert invsound("render", "--synth", "amfm", "synth.num_samples=4096", f"f0={f0}", "--out", f"{f0}.wav").exit_code == 0
    small = ["--synth", "amfm", "synth.num_samples=4096", "--feature", "mss", "feature.n_fft=[512]", "--candidates", 16, "--jobs", 1]
    result = invsound("match", "600.wav", "800.wav", *small, "--keep", 2, "--fix", "fm=8", "--out", "both")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.count("f0 = ") == 2
    assert "(held)" in result.stdout
    assert [row["name"] for row in json.loads(Path("both/matches.json").read_text())] == ["600.wav", "800.wav"]
    failing = invsound("match", "600.wav", "nowhere.wav", *small, "--budget", "1s", "--json", "--out", "one")
    assert failing.exit_code == 1
    assert ["error" in row for row in json.loads(failing.stdout)] == [False, True]
