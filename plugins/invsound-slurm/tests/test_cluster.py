"""A real SLURM on this machine, of one node: `nox -s slurm`. Its daemons are started here, in the foreground, and end with the tests."""

import contextlib
import ctypes
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slurm
NEEDED = ("slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol")
CONF = """
ClusterName=invsound
SlurmctldHost={host}
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SlurmUser={user}
SlurmdUser={user}
ReturnToService=2
SlurmdTimeout=10
KillWait=2
MinJobAge=2
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeHostname={host} NodeAddr=127.0.0.1 CPUs={cpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"])
SLURM = ["--executor", "slurm", "executor.partition=cpu", "executor.jobs=2", "executor.poll=0.5", "executor.time=20"]
RUN = ["run", "--synth", "amfm", "synth.num_samples=4096", "--feature", "mss", "feature.n_fft=[512,128]", "--loss", "pnp"]
SMALL = ["data.train=64", "data.val=16", "data.test=16", "train.epochs=2", "train.batch=16", "evaluate.scores=[mss]", "evaluate.sounds=0"]
PATIENCE = 540.0


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def end_with_parent():
    """What pytest starts ends with it, even where it is killed."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def hear():
    """Tests that a shell runs in the background have inherited that Ctrl-C is ignored."""
    end_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Daemons:
    """slurmctld and slurmd of a configuration of their own."""

    def __init__(self, folder):
        self.folder, self.environment = folder, os.environ | {"PATH": PATH, "SLURM_CONF": str(folder / "slurm.conf")}
        for name in ("state", "spool"):
            (folder / name).mkdir()
        names = {"host": socket.gethostname().split(".")[0], "user": "root", "cpus": os.cpu_count(), "folder": folder}
        (folder / "slurm.conf").write_text(CONF.format(controller=free_port(), node=free_port(), **names))
        self.running = {}

    def start(self, name):
        with (self.folder / f"{name}.log").open("a") as log:
            command = [shutil.which(name, path=PATH), "-D", *(["-i"] if name == "slurmctld" else [])]
            self.running[name] = subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, preexec_fn=end_with_parent)

    def kill(self, name):
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self):
        with contextlib.suppress(subprocess.SubprocessError):
            self("scancel", "--user=root", "--signal=KILL", "--full", check=False)
            self("scancel", "--user=root", check=False)
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def __call__(self, *command, check=True):
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=check, timeout=60).stdout

    def jobs(self, state):
        return self("squeue", "--noheader", "--array", "--format=%i", f"--states={state}", check=False).split()

    def log(self):
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in self.folder.glob("*.log"))


def until(condition, what, process=None):
    deadline = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {PATIENCE:g} s for {what}"
        assert process is None or process.poll() is None, f"it ended before {what}: {process.communicate()}"
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def slurm():
    missing = [name for name in NEEDED if shutil.which(name, path=PATH) is None]
    if missing or os.getuid() != 0:
        pytest.skip(f"no SLURM: {', '.join(missing)} cannot be found (Debian: slurm-wlm)" if missing else "its daemons want to be root")
    with tempfile.TemporaryDirectory(prefix="invsound-slurm-") as folder:
        daemons = Daemons(Path(folder))
        try:
            daemons.start("slurmctld")
            daemons.start("slurmd")
            until(lambda: "idle" in daemons("sinfo", "--noheader", "--format=%T", check=False), f"an idle node\n{daemons.log()}")
            yield daemons
        finally:
            daemons.stop()


@pytest.fixture
def invsound(slurm, tmp_path, monkeypatch):
    """The command line as a process, in a folder and with a cache of this test; what is left of it is killed."""
    monkeypatch.chdir(tmp_path)
    started = []

    def start(*arguments, cache="cache"):
        command = [sys.executable, "-m", "invsound", *map(str, arguments)]
        environment = slurm.environment | {"INVSOUND_CACHE": str(tmp_path / cache), "OMP_NUM_THREADS": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        process = subprocess.Popen(command, env=environment, start_new_session=True, preexec_fn=hear, **pipes)
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    slurm("scancel", "--user=root", check=False)
    until(lambda: not slurm("squeue", "--noheader", check=False).strip(), "an empty queue")


def finished(process, code=0):
    stdout, stderr = process.communicate(timeout=PATIENCE)
    assert process.returncode == code, stderr
    assert "Traceback" not in stderr
    return stdout, stderr


def shards(folder="cache"):
    return len(list(Path(folder).rglob("*.safetensors")))


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    """The scores of a run, and of the two of a sweep, by processes of this machine."""
    folder = tmp_path_factory.mktemp("here")
    environment = os.environ | {"INVSOUND_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "invsound"]
    subprocess.run([*command, *RUN, *SMALL, "--jobs", "1", "--quiet", "--out", "run"], env=environment, cwd=folder, check=True)
    subprocess.run([*command, *RUN, *SMALL, "--jobs", "1", "--quiet", "--out", "other", "seed=1"], env=environment, cwd=folder, check=True)
    return [(folder / name / "scores.json").read_bytes() for name in ("run", "other")]


def test_a_run_and_a_sweep_have_the_scores_of_this_machine(slurm, invsound, expected):
    finished(invsound(*RUN, *SMALL, *SLURM, "executor.chunk=4", "--out", "run"))
    assert Path("run/scores.json").read_bytes() == expected[0]
    assert not Path(".invsound-slurm").exists()
    base = {"parts": {"synth": "amfm", "feature": "mss", "loss": "pnp"}, "synth": {"num_samples": 4096}, "feature": {"n_fft": [512, 128]}}
    rest = {"data": {"train": 64, "val": 16, "test": 16}, "train": {"epochs": 2, "batch": 16}, "evaluate": {"scores": ["mss"], "sounds": 0}}
    Path("study.yaml").write_text(json.dumps({"base": base | rest, "seeds": [0, 1]}))  # JSON is YAML
    stdout, _ = finished(invsound("sweep", "study.yaml", *SLURM, "--out", "swept", "--json", cache="other"))
    assert [run["state"] for run in json.loads(stdout)] == ["finished", "finished"]
    assert [Path(f"swept/base/seed-{seed}/scores.json").read_bytes() for seed in (0, 1)] == expected


def test_jobs_that_are_cancelled_requeued_or_lose_their_node_cost_nothing(slurm, invsound, expected):
    """Three failures of one preparation: scancel of a running job, scontrol requeue of another, slurmd killed and started again."""
    process = invsound(*RUN, *SMALL, *SLURM, "executor.chunk=4", "executor.tries=9", "--out", "run")
    (cancelled, *_) = until(lambda: slurm.jobs("RUNNING"), "a running job", process)
    slurm("scancel", cancelled)
    requeued = until(lambda: [job for job in slurm.jobs("RUNNING") if job != cancelled], "another running job", process)[0]
    slurm("scontrol", "requeue", requeued)
    until(lambda: [job for job in slurm.jobs("RUNNING") if job not in (cancelled, requeued)], "a third running job", process)
    slurm.kill("slurmd")
    time.sleep(5)
    slurm.start("slurmd")
    _, stderr = finished(process)
    assert f"Job {cancelled} ended without a result" in stderr
    assert Path("run/scores.json").read_bytes() == expected[0]


def test_what_jobs_write_after_the_command_died_is_found_by_resume(slurm, invsound, expected):
    process = invsound(*RUN, *SMALL, *SLURM, "executor.chunk=8", "--out", "run")
    until(lambda: slurm.jobs("RUNNING"), "a running job", process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    before = shards()
    until(lambda: not slurm("squeue", "--noheader").strip(), "the end of the jobs in the queue")
    assert shards() > before
    finished(invsound("run", "--resume", "run", *SLURM, "executor.chunk=8"))
    assert Path("run/scores.json").read_bytes() == expected[0]


def test_ctrl_c_cancels_what_is_queued_and_says_what_runs(slurm, invsound, expected):
    slurm("scontrol", "update", f"nodename={socket.gethostname().split('.')[0]}", "state=resume", check=False)
    process = invsound(*RUN, *SMALL, *SLURM, f"executor.jobs={os.cpu_count() + 3}", "executor.chunk=2", "--out", "run")
    until(lambda: slurm.jobs("RUNNING") and slurm.jobs("PENDING"), "running and pending jobs", process)
    process.send_signal(signal.SIGINT)
    _, stderr = finished(process, 130)
    assert "Still running in SLURM: " in stderr
    assert slurm.jobs("PENDING") == []
    finished(invsound("run", "--resume", "run", "--jobs", 1))
    assert Path("run/scores.json").read_bytes() == expected[0]


def test_what_slurm_refuses_is_said(invsound):
    _, stderr = finished(invsound(*RUN, *SMALL, *SLURM, "executor.partition=nowhere", "--out", "run"), 1)
    assert "SLURM takes no job: " in stderr
    assert "partition" in stderr
