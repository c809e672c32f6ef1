"""Sessions: tests, lint, types, examples; and the long ones, slow and gpu."""

from pathlib import Path

import nox

nox.options.sessions = ["tests", "lint", "types", "examples"]
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
    """Every example, from start to its closing assert."""
    install(session)
    for example in sorted(Path("examples").glob("*.py")):
        session.run("python", str(example), env={"INVSOUND_CACHE": session.create_tmp()})


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
