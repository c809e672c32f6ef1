"""Sessions: tests, lint, types, examples, docs; and the long ones, slow, gpu and bench."""

import shutil
from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types", "examples", "docs"]
nox.options.reuse_existing_virtualenvs = True
PLUGINS = [str(path) for path in sorted(Path("plugins").iterdir()) if (path / "pyproject.toml").exists()]


def install(session: nox.Session, *more: str) -> None:
    """invsound and its plugins as a user installs them, with the tested versions of what they need."""
    session.install("-c", "constraints.txt", ".", *PLUGINS, *more)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite, under six minutes on two cores: `nox -s tests -- -k space`."""
    install(session, "pytest", "pytest-xdist")
    session.run("pytest", "-n", "auto", *session.posargs, env={"OMP_NUM_THREADS": "1"})


@nox.session
def lint(session: nox.Session) -> None:
    """Style."""
    session.install("-c", "constraints.txt", "ruff")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy, strict on the core."""
    install(session, "mypy")
    session.run("mypy")


@nox.session
def examples(session: nox.Session) -> None:
    """Every example, from start to its closing assert; then other people's packages, the one in examples/ and a new one."""
    install(session, "pytest")
    scratch = Path(session.create_tmp()).resolve()
    session.env["INVSOUND_CACHE"] = str(scratch)
    for example in sorted(Path("examples").glob("*.py")):
        session.run("python", str(example))
    shutil.rmtree(scratch / "packages", ignore_errors=True)
    karplus = shutil.copytree("examples/invsound-karplus", scratch / "packages" / "invsound-karplus")
    with session.chdir(scratch / "packages"):
        session.install(str(karplus))
        as_a_user(session, "invsound-karplus", "--synth", "karplus", "--feature", "logmel-onset", "--loss", "pnp")
        session.run("invsound", "new-plugin", "invsound-bell", "--synth", "bell", "--feature", "roughness")
        session.install("-e", "invsound-bell")
        as_a_user(session, "invsound-bell", "--synth", "bell", "--feature", "roughness")


def as_a_user(session: nox.Session, package: str, *parts: str) -> None:
    """What the author of an installed plugin package types: its tests, the laws, and a run, here a toy one."""
    session.run("pytest", package)
    session.run("invsound", "check-plugin", package)
    toy = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=2", "evaluate.scores=[mss]", "evaluate.sounds=1", "--jobs", "1"]
    session.run("invsound", "run", *parts, *toy, "--out", f"runs/{package}")


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation: its code is run, then it is built into build/docs; a warning is an error."""
    install(session, "sphinx", "furo", "myst-parser", "sybil", "pytest", "pytest-xdist")
    session.run("pytest", "docs", "-n", "2", "--dist", "loadfile", *session.posargs, env={"OMP_NUM_THREADS": "1"})
    session.run("sphinx-build", "-q", "-W", "--keep-going", "-E", "docs", "build/docs")


@nox.session
def slow(session: nox.Session) -> None:
    """The tests that take minutes."""
    install(session, "pytest")
    session.run("pytest", "-m", "slow", *session.posargs)


@nox.session
def gpu(session: nox.Session) -> None:
    """The tests that need a CUDA device."""
    install(session, "pytest")
    session.run("pytest", "-m", "gpu", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, written to docs/benchmarks.md: `nox -s bench -- --threads 2`. The machine should be idle."""
    install(session)
    session.install("scipy<1.17")  # kymatio 0.3.0's own torch front end needs it
    session.run("python", "benchmarks/bench.py", *session.posargs)
