"""Commands that plugins offer: listed without being imported, called, and explained where they are broken."""

import subprocess
import sys

import pytest
import typer

from invsound import cli
from invsound.hooks import plugins, registry

HOOK = "from invsound import Part, hookimpl\n@hookimpl\ndef invsound_commands():\n    return [Part({name!r}, {target!r}, 'says hello')]\n"
HELLO = '''
"""A module that says that it was imported."""
import sys
import typer
from typing import Annotated
import invsound

print("imported", file=sys.stderr)

def hello(
    name: Annotated[str, typer.Argument(help="Whom to greet.")],
    loud: Annotated[bool, typer.Option(help="In capitals.")] = False,
) -> None:
    """Greet somebody, at length."""
    if name == "nobody":
        raise invsound.UsageError("Greet whom? Give a name.")
    if name == "key":
        {}["missing"]
    if name == "gone":
        open("/nowhere/to/be/found")
    if name == "exit":
        raise typer.Exit(3)
    text = f"hello {name}"
    print(text.upper() if loud else text)

both = typer.Typer(no_args_is_help=True)
both.command("hello")(hello)

@both.command()
def bye() -> None:
    """Take leave."""
    typer.echo("bye")

broken = "no function"
'''


@pytest.fixture
def hello(install):
    install("hello-plugin", HOOK.format(name="hello", target="hello_parts:hello"), hello_parts=HELLO)


def test_it_is_listed_with_its_summary_and_not_imported(hello, invsound):
    result = invsound("--help")
    assert result.exit_code == 0
    assert "hello" in result.stdout
    assert "says hello" in result.stdout
    assert "hello_parts" not in sys.modules
    assert "command" in invsound("list-plugins").stdout
    assert "invsound hello --help" in invsound("list-plugins", "hello").stdout


def test_it_is_called_with_its_own_help_and_prints_results(hello, invsound):
    assert invsound("hello", "ann", "--loud").stdout == "HELLO ANN\n"
    told = invsound("hello", "--help")
    assert "Greet somebody, at length." in told.stdout
    assert "Usage: invsound hello" in told.stdout


def test_an_app_has_commands(install, invsound):
    install("hello-plugin", HOOK.format(name="both", target="hello_parts:both"), hello_parts=HELLO)
    assert invsound("both", "hello", "ann").stdout == "hello ann\n"
    assert invsound("both", "bye").stdout == "bye\n"
    assert "Take leave." in invsound("both", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["nobody"], 2, "invsound: Greet whom? Give a name."),
        (["key"], 1, "The command hello (hello-plugin 1.0) failed. KeyError (hello_parts.py, line 18): 'missing'"),
        (["gone"], 1, "No such file or directory: /nowhere/to/be/found"),
        (["exit"], 3, ""),
        ([], 2, "Missing argument"),
        (["ann", "--lout"], 2, "No such option"),
    ],
)
def test_what_goes_wrong_is_a_line_and_an_exit_code(arguments, code, said, hello, invsound):
    result = invsound("hello", *arguments)
    assert result.exit_code == code
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("hello_parts:gone", "The command hello (hello-plugin 1.0) cannot be loaded from hello_parts:gone: AttributeError"),
        ("hello_missing:hello", "ModuleNotFoundError: No module named 'hello_missing'"),
        ("hello_parts:broken", "The command hello (hello-plugin 1.0) is none that Typer can call"),
    ],
)
def test_a_broken_target_is_explained(target, said, install, invsound):
    install("hello-plugin", HOOK.format(name="hello", target=target), hello_parts=HELLO)
    assert "says hello" in invsound("--help").stdout
    result = invsound("hello", "ann")
    assert result.exit_code == 1
    assert said in result.stderr


def test_a_broken_plugin_is_named_where_its_command_is_not_found(install, invsound):
    install("hello-plugin", "import no_such_module_at_all\n")
    assert invsound("--help").exit_code == 0
    result = invsound("helo")
    assert result.exit_code == 2
    assert "No such command 'helo'" in result.stderr
    assert "hello-plugin is broken: ModuleNotFoundError" in result.stderr


@pytest.mark.parametrize("name", plugins.COMMANDS)
def test_a_name_of_our_own_is_refused(name, install, invsound):
    install("hello-plugin", HOOK.format(name=name, target="hello_parts:hello"), hello_parts=HELLO)
    (broken,) = [plugin for plugin in registry.plugins() if plugin.broken]
    assert f"a command named {name!r}, which is invsound's own" in broken.broken
    assert "Greet" not in invsound(name, "--help").stdout


def test_the_names_of_our_own_are_those_that_there_are():
    assert list(typer.main.get_command(cli.app).commands) == list(plugins.COMMANDS)


def test_of_two_of_a_name_one_is_asked_for_by_its_distribution(install, invsound, hello, tmp_path):
    site = tmp_path / "site"
    info = site / "rival-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rival\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[invsound]\nrival = hello_plugin\n")
    registry.plugins.cache_clear()
    result = invsound("hello", "ann")
    assert result.exit_code == 2
    assert "2 distributions offer a command named 'hello'. Say which: hello-plugin:hello or rival:hello." in result.stderr
    assert invsound("rival:hello", "ann").stdout == "hello ann\n"
    assert "rival:hello" in invsound("--help").stdout


def test_a_command_is_called_and_not_made(hello):
    import invsound as api

    with pytest.raises(api.UsageError, match="No kind of part named 'command'"):
        api.make("command", "hello")


def test_check_plugin_and_doctor_examine_it(hello, invsound):
    text = invsound("check-plugin", "hello-plugin").stdout
    assert "ok      command hello: typer can call it" in text
    assert "ok      command hello: help says everything" in text
    assert "command hello (hello-plugin 1.0)" in invsound("doctor").stdout


def test_its_prints_reach_stdout_of_the_process(hello, tmp_path):
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); sys.argv[1:] = ['hello', 'ann']\n"
    code += "from invsound.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "hello ann\n"), done.stderr
