"""Voices from matches, and tables of banks: `python -m invsound_dx7 --help`."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from pathlib import Path
from typing import Any

from invsound import InvsoundError

from . import syx, voice
from .preset import chosen


def voices(arguments: argparse.Namespace) -> None:
    """Write matches as a voice, or several as a bank."""
    start = voice.decoded(chosen(arguments.preset)) if arguments.preset else {}
    made = [voice.encoded(start | _parameters(Path(path)), arguments.name or Path(path).parent.name) for path in arguments.matches]
    Path(arguments.out).write_bytes(syx.single(made[0]) if len(made) == 1 else syx.bank(made))
    print(f"{arguments.out}: {', '.join(map(voice.title, made))}")


def table(arguments: argparse.Namespace) -> None:
    """Write the voices of .syx files as a table, a row each, for data.design=csv."""
    rows = [(voice.title(one), voice.decoded(one)) for path in arguments.files for one in syx.read(Path(path))]
    with open(arguments.out, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["name", *voice.CONTROLS])
        writer.writerows([name, *values.values()] for name, values in rows)
    print(f"{arguments.out}: {len(rows)} voices")


def _parameters(path: Path) -> dict[str, Any]:
    """Of a match.json; of the first of several."""
    found = json.loads(path.read_text(encoding="utf-8"))
    found = found[0] if isinstance(found, list) else found
    if not isinstance(found, dict) or not isinstance(found.get("parameters"), dict):
        raise ValueError(f"{str(path)!r} is no match.json: it has no parameters")
    if unknown := [name for name in found["parameters"] if name not in voice.CONTROLS]:
        raise ValueError(f"{str(path)!r} is no match of a DX7: it has a parameter {unknown[0]!r}")
    return found["parameters"]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser("invsound_dx7", description=__doc__)
    commands = parser.add_subparsers(required=True)
    one = commands.add_parser("syx", help=voices.__doc__)
    one.add_argument("matches", nargs="+", help="match.json of invsound match")
    one.add_argument("out", help="the file, .syx: a voice of one match, a bank of several")
    one.add_argument("--preset", help="what the match began with: the same as synth.preset", default="")
    one.add_argument("--name", help="of the voice, 10 letters; that of the match's folder if left out", default="")
    one.set_defaults(do=voices)
    many = commands.add_parser("csv", help=table.__doc__)
    many.add_argument("files", nargs="+", help=".syx")
    many.add_argument("out", help="the table, .csv")
    many.set_defaults(do=table)
    arguments = parser.parse_args()
    try:
        arguments.do(arguments)
    except (InvsoundError, ValueError, OSError) as error:
        sys.exit(f"invsound_dx7: {error}")


if __name__ == "__main__":
    main()
