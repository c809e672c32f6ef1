"""Sessions: tests, lint, types, examples, docs; other Pythons, smoke, browser, wheels; the long ones, slow, gpu, slurm, gallery, bench."""

import os
import shutil
import sys
from pathlib import Path

import nox
from nox.command import CommandFailed

nox.options.sessions = ["tests", "lint", "types", "examples", "docs"]
nox.options.reuse_existing_virtualenvs = True
PLUGINS = [str(path) for path in sorted(Path("plugins").iterdir()) if (path / "pyproject.toml").exists()]
CONSTRAINTS = str(Path("constraints.txt").resolve())
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
ROOM = 20  # GB
DX7 = ["synth.num_samples=4096", "synth.sample_rate=16000", "synth.free=[algorithm,feedback]", "synth.fix={op2_output_level: 80}"]
TOY = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=2", "evaluate.scores=[mss]", "evaluate.sounds=1", "--jobs", "1"]


def known_to_pyenv() -> None:
    """Interpreters that pyenv has, but not on the PATH, are found too."""
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = [str(path / "bin") for python in PYTHONS for path in sorted(versions.glob(f"{python}.*"))]
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *found])


known_to_pyenv()


def install(session: nox.Session, *more: str) -> None:
    """invsound and its plugins as a user installs them, with the tested versions of what they need."""
    session.install("-c", "constraints.txt", ".", *PLUGINS, *more)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, a quarter of an hour on two cores: `nox -s tests -- -k space`."""
    install(session, "pytest", "pytest-xdist", "hatchling", "httpx2", "lightning-fabric")
    session.run("pytest", "-n", "auto", *session.posargs, env={"OMP_NUM_THREADS": "1"})


for python in PYTHONS:  # where there is one: `nox -s tests-3.13`
    nox.session(name=f"tests-{python}", python=python)(tests.func)


FOUND = [python for python in PYTHONS if shutil.which(f"python{python}")]


@nox.session(python=sorted({*FOUND[:1], *FOUND[-1:]}, key=PYTHONS.index) or None)
def smoke(session: nox.Session) -> None:
    """What a newcomer types, on the oldest and the newest Python found; their torch may come with CUDA and fill a disk."""
    if (free := shutil.disk_usage(".").free / 1e9) < ROOM:
        session.skip(f"an environment with CUDA takes {ROOM} GB of disk while it is made, {free:.0f} GB are free")
    install(session)
    tom, scratch = Path("examples/recordings/drum_tom_lo_soft.flac").resolve(), Path(session.create_tmp()).resolve()
    session.env.update({"INVSOUND_CACHE": str(scratch / "cache"), "OMP_NUM_THREADS": "1"})
    shutil.rmtree(scratch / "runs", ignore_errors=True)
    with session.chdir(scratch):
        session.run("invsound", "list-plugins")
        session.run("invsound", "run", "--synth", "amfm", "--feature", "mss", "--loss", "pnp", *TOY, "--out", "runs/smoke")
        match = ["--synth", "ftm", "--feature", "mss", "--budget", "10s", "--candidates", "32", "--out", "runs/match"]
        session.run("invsound", "match", str(tom), *match)
        session.run("invsound", "doctor")
    if os.environ.get("CI"):
        shutil.rmtree(session.virtualenv.location)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, and that a room imports only what stands above it."""
    session.install("-c", "constraints.txt", "ruff", "import-linter")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    sources = os.pathsep.join(str(path) for path in [Path.cwd(), *(Path(plugin).resolve() / "src" for plugin in PLUGINS)])
    session.run("lint-imports", "--no-cache", env={"PYTHONPATH": sources})


@nox.session(python=FOUND[-1] if FOUND and sys.version_info < (3, 11) else None)  # the last numpy for 3.10 is typed otherwise
def types(session: nox.Session) -> None:
    """mypy, strict on the core, on a Python of 3.11 or newer."""
    install(session, "mypy")
    session.run("mypy")


@nox.session
def examples(session: nox.Session) -> None:
    """Every example and notebook, from start to its closing assert; then other people's packages, the one in examples/ and a new one."""
    install(session, "pytest", "ipykernel", "nbconvert", "pandas")
    scratch = Path(session.create_tmp()).resolve()
    session.env["INVSOUND_CACHE"] = str(scratch)
    for example in sorted(Path("examples").glob("*.py")):
        session.run("python", str(example))
    notebooks(session, scratch)
    shutil.rmtree(scratch / "packages", ignore_errors=True)
    karplus = shutil.copytree("examples/invsound-karplus", scratch / "packages" / "invsound-karplus")
    dx7 = shutil.copytree("examples/invsound-dx7", scratch / "packages" / "invsound-dx7")
    with session.chdir(scratch / "packages"):
        session.install(str(karplus))
        as_a_user(session, "invsound-karplus", "--synth", "karplus", "--feature", "logmel-onset", "--loss", "pnp")
        session.run("invsound", "new-plugin", "invsound-bell", "--synth", "bell", "--feature", "roughness")
        session.install("-e", "invsound-bell")
        as_a_user(session, "invsound-bell", "--synth", "bell", "--feature", "roughness")
        try:
            session.install("-c", CONSTRAINTS, str(dx7))
        except CommandFailed:
            session.warn("invsound-dx7 is left out: there is no dexed-py for this Python (it wants 3.11 or newer) or this machine")
            return
        as_a_user(session, "invsound-dx7", "--synth", "dx7", "--feature", "mss", *DX7)


def notebooks(session: nox.Session, scratch: Path) -> None:
    """Each notebook in a kernel of its own; build/notebooks has what they show."""
    for name in ("notebooks", "recordings"):
        shutil.rmtree(scratch / name, ignore_errors=True)
        shutil.copytree(f"examples/{name}", scratch / name, ignore=shutil.ignore_patterns("runs"))
    to = ["--to", "html", "--output-dir", "build/notebooks"]
    session.run("python", "-m", "nbconvert", "--execute", *to, *map(str, sorted((scratch / "notebooks").glob("*.ipynb"))))


def as_a_user(session: nox.Session, package: str, *parts: str) -> None:
    """What the author of an installed plugin package types: its tests, the laws, and a run, here a toy one."""
    session.run("pytest", package)
    session.run("invsound", "check-plugin", package)
    session.run("invsound", "run", *parts, *TOY, "--out", f"runs/{package}")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: its code is run, then it is built into build/docs; a warning is an error."""
    install(session, "sphinx", "furo", "myst-parser", "sybil", "pytest", "pytest-xdist")
    session.run("pytest", "docs", "-n", "2", "--dist", "loadfile", *session.posargs, env={"OMP_NUM_THREADS": "1"})
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-E", "docs", "build/docs")


@nox.session
def browser(session: nox.Session) -> None:
    """The studio's page in Chromium: used, in light and dark, wide and narrow, and audited by axe-core."""
    if not any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
        session.skip("no Chromium is found: install Debian's package chromium")
    install(session, "pytest", "httpx2", "playwright", "axe-playwright-python")
    session.run("pytest", "-m", "browser", "plugins/invsound-studio/tests", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def wheels(session: nox.Session) -> None:
    """All distributions as wheels and archives in dist/, checked, and installed from there into an environment of their own."""
    session.install("-c", "constraints.txt", "build", "twine")
    shutil.rmtree("dist", ignore_errors=True)
    for source in [".", *PLUGINS]:
        session.run("python", "-m", "build", "--outdir", "dist", source)
    built = sorted(str(path) for path in Path("dist").iterdir())
    session.run("twine", "check", "--strict", *built)
    fresh = Path(session.create_tmp()).resolve() / "fresh"
    session.run("python", "-m", "venv", "--clear", str(fresh))
    programs = fresh / ("Scripts" if sys.platform == "win32" else "bin")
    session.run(
        str(programs / "python"),
        "-m",
        "pip",
        "install",
        "-q",
        "-c",
        "constraints.txt",
        *(w for w in built if w.endswith(".whl")),
        external=True,
    )
    session.run(str(programs / "invsound"), "list-plugins", external=True)


@nox.session
def slow(session: nox.Session) -> None:
    """The tests that take minutes."""
    install(session, "pytest", "lightning-fabric")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """The tests that need a CUDA device."""
    install(session, "pytest", "lightning-fabric")
    session.run("pytest", "-m", "gpu", *session.posargs)


@nox.session
def slurm(session: nox.Session) -> None:
    """Jobs of a real SLURM, whose daemons are started for it, as root: failures are survived, scores are those of this machine."""
    if missing := [name for name in ("slurmctld", "slurmd") if not shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin")]:
        session.skip(f"{' and '.join(missing)} cannot be found: apt install slurm-wlm, or your system's SLURM, with its controller")
    install(session, "pytest")
    session.run("pytest", "-m", "slurm", "plugins/invsound-slurm", *session.posargs)


@nox.session
def gallery(session: nox.Session) -> None:
    """The sounds of docs/gallery.md, matched anew, ten minutes; build/gallery keeps what is there already."""
    install(session)
    session.run("python", "benchmarks/gallery.py")


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, written to docs/benchmarks.md: `nox -s bench -- --threads 2`. The machine should be idle."""
    install(session)
    session.install("scipy<1.17")  # kymatio 0.3.0's own torch front end needs it
    session.run("python", "benchmarks/bench.py", *session.posargs)
