"""The picture of docs/architecture.md, from the imports themselves: `python docs/rooms.py` writes docs/_static/rooms.svg."""

import ast
import math
from pathlib import Path

ROOT = Path(__file__).parent.parent / "invsound"
NOUNS = (
    "table", "signal", "parameter", "space", "synth", "renderer", "feature", "jacobian", "problem", "loss", "encoder",
    "solver", "executor", "score", "logger",
)  # fmt: skip
ROOMS = (
    "errors", "system", "outside", "hooks", "nouns", "audio", "pages", "runs", "data", "training", "evaluation", "pipeline", "experiments",
    "trained", "matching", "authoring", "builtin", "testing", "cli",
)  # fmt: skip
CELL, LEFT, TOP = 30, 108, 84


def room(path: Path) -> str:
    """The room that a file or a module's path is in."""
    name = path.relative_to(ROOT).parts[0].removesuffix(".py")
    return "nouns" if name in NOUNS else name


def imports() -> dict[tuple[str, str], int]:
    """(importing room, imported room) → statements, those under TYPE_CHECKING included."""
    found: dict[tuple[str, str], int] = {}
    for path in sorted(ROOT.rglob("*.py")):
        if room(path) not in ROOMS:
            continue  # the package's own __init__ and __main__ open every door
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.level:
                package = path.parents[node.level - 1]
                targets = [node.module] if node.module else [alias.name for alias in node.names]
                for pair in {(room(path), room(package / target.replace(".", "/"))) for target in targets}:
                    found[pair] = found.get(pair, 0) + 1
    return {(a, b): n for (a, b), n in found.items() if a != b}


def picture(found: dict[tuple[str, str], int]) -> str:
    """A dot at (row, column) for what a room imports of another, its area as the number of statements; all lie left of the diagonal."""
    size = CELL * len(ROOMS)
    shapes = []
    for k, name in enumerate(ROOMS):
        middle = CELL * k + CELL / 2
        shapes.append(f'<path class="rule" d="M{LEFT} {TOP + middle}H{LEFT + middle}V{TOP + middle}"/>')
        shapes.append(f'<rect class="self" x="{LEFT + middle - 5}" y="{TOP + middle - 5}" width="10" height="10" rx="2"/>')
        shapes.append(f'<text x="{LEFT - 10}" y="{TOP + middle + 4}" text-anchor="end">{name}</text>')
        shapes.append(f'<text transform="translate({LEFT + middle + 4} {TOP - 8}) rotate(-60)">{name}</text>')
    for (a, b), n in sorted(found.items()):
        x, y = (LEFT + CELL * ROOMS.index(b) + CELL / 2, TOP + CELL * ROOMS.index(a) + CELL / 2)
        shapes.append(f'<circle cx="{x}" cy="{y}" r="{2.2 * math.sqrt(n):.1f}"><title>{a} imports {b}: {n}</title></circle>')
    style = (
        "text{font:13px system-ui,sans-serif;fill:#333}.rule{stroke:#8884;fill:none}.self{fill:none;stroke:#888}circle{fill:#24477a}"
        "@media(prefers-color-scheme:dark){text{fill:#ddd}circle{fill:#93b4b8}}"
    )
    label = "What each room imports: every dot lies left of the diagonal, so that a room imports only what stands above it."
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + size + 60} {TOP + size + 10}" role="img" aria-label="{label}">'
    return "\n".join([head, f"<style>{style}</style>", *shapes, "</svg>\n"])


if __name__ == "__main__":
    (Path(__file__).parent / "_static" / "rooms.svg").write_text(picture(imports()), encoding="utf-8")
