"""Laws of a distribution: its hook module is light, its targets are there, what it imports is declared, its names are free."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

from ..errors import InvsoundError, UsageError, nearest
from ..hooks import registry
from ..hooks.installed import canonical, entries, owners
from ..hooks.registry import Offer, Plugin
from .law import hold, package_law, skip

SLOW = 0.2
"""Seconds a hook module may take to import, invsound excluded: everybody pays for it at every start."""

PROBE = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
import importlib, time, pluggy, invsound
def seconds():  # without those in which others had the processor
    try:
        with open("/proc/self/schedstat") as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        waited = 0.0
    return time.perf_counter() - waited
start = seconds()
importlib.import_module(sys.argv[2])
print(json.dumps([seconds() - start, sorted({"torch", "numpy"} & set(sys.modules))]))
"""


def _near(name: str, distributions: list[str]) -> str:
    """Which distribution may be meant, by its own name or that of a part."""
    owners = {o.part.name: o.distribution for kind in registry.KINDS for o in registry.offers(kind)}
    near = nearest(name, [*distributions, *owners])
    return f" Did you mean {owners[near]!r}, which offers {near!r}?" if near in owners else f" Did you mean {near!r}?" if near else ""


class Package:
    """An installed distribution by its name. Raises UsageError if it offers nothing to invsound."""

    def __init__(self, name: str) -> None:
        names = sorted({plugin.distribution for plugin in registry.plugins()})
        found = [n for n in names if canonical(n) == canonical(name)]
        if not found:
            near = _near(name, names)
            raise UsageError(f"No installed distribution {name!r} is a plugin of invsound.{near} Installed: {', '.join(names)}.")
        self.name = found[0]
        self.plugins: list[Plugin] = [p for p in registry.plugins() if p.distribution == self.name]
        self.offers: list[Offer] = [offer for plugin in self.plugins for offer in plugin.offers]

    @property
    def label(self) -> str:
        return f"distribution {self.name}"

    def hook_modules(self) -> list[str]:
        return sorted({entry.value.partition(":")[0] for entry in entries() if entry.distribution == self.name and not entry.damage})

    def metadata(self) -> importlib.metadata.Distribution:
        return importlib.metadata.distribution(self.name)


@functools.cache
def probe(module: str, path: str) -> tuple[float, list[str]]:
    """Seconds to import a hook module in a fresh interpreter, and which of torch and numpy it brought along."""
    done = subprocess.run([sys.executable, "-c", PROBE, path, module], capture_output=True, text=True, check=False)
    hold(done.returncode == 0, f"{module} cannot be imported: {done.stderr.strip().rpartition(chr(10))[2]}")
    seconds, heavy = json.loads(done.stdout.splitlines()[-1])
    return seconds, heavy


def fresh(module: str) -> tuple[float, list[str]]:
    return probe(module, json.dumps(sys.path))


@package_law(mend="see the reason; invsound doctor repeats it. Until then INVSOUND_DISABLE_PLUGINS leaves the plugin out.")
def plugin_loads(package: Package) -> None:
    """The hook module imports, and its hooks return parts."""
    for plugin in package.plugins:
        hold(not plugin.broken, plugin.broken)
        hold(plugin.offers, f"The plugin {plugin.name} offers no part: none of its functions is marked @hookimpl, or all return []")


@package_law(mend="name classes as text in Part, and import nothing but Part and hookimpl from invsound at the top of the hook module.")
def hook_module_imports_neither_torch_nor_numpy(package: Package) -> None:
    """A hook module is imported to list parts, at every start: it imports neither torch nor numpy."""
    for module in package.hook_modules():
        hold(not fresh(module)[1], f"import {module} in a fresh interpreter brought {' and '.join(fresh(module)[1])}")


@package_law(mend="move imports and work out of the hook module, into the modules of its parts.")
def hook_module_is_quick(package: Package) -> None:
    """A hook module imports in less than 0.2 s, invsound excluded."""
    for module in package.hook_modules():
        seconds = fresh(module)[0]
        for _ in range(2 if seconds > SLOW else 0):  # a busy disk is not the module's fault
            seconds = min(seconds, probe.__wrapped__(module, json.dumps(sys.path))[0])
        hold(seconds < SLOW, f"import {module} took {seconds:.2f} s")


@package_law(mend="correct the target 'package.module:Class', or install what it imports.")
def targets_resolve(package: Package) -> None:
    """Every part's target can be imported."""
    for offer in package.offers:
        try:
            registry.load(offer)
        except InvsoundError as error:
            hold(False, str(error))


@package_law(mend="include it in the build, such as [tool.hatch.build.targets.wheel] packages = ['src/…'], and rebuild the wheel.")
def wheel_holds_the_targets(package: Package) -> None:
    """The module of every part is a file of the installed distribution."""
    recorded = package.metadata().files
    if recorded is None:
        skip("the distribution has no record of its files")
    assert recorded is not None
    if "editable" in (package.metadata().read_text("direct_url.json") or ""):
        skip("installed in editable mode: check a wheel too, pip install dist/*.whl in a fresh environment")
    files = {Path(str(file.locate())).resolve() for file in recorded}
    for module in {*package.hook_modules(), *(offer.part.target.partition(":")[0] for offer in package.offers)}:
        spec = importlib.util.find_spec(module)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        hold(origin in files, f"{module} is {origin or 'nowhere'}, none of the {len(files)} files of the distribution")


@package_law(mend="list it under [project] dependencies in pyproject.toml.")
def imports_are_declared(package: Package) -> None:
    """What the package's modules import at the top is the standard library, itself, invsound or a declared dependency."""
    own = {canonical(top) for top in (m.partition(".")[0] for m in package.hook_modules())}
    own |= {canonical(offer.part.target.partition(":")[0].partition(".")[0]) for offer in package.offers} | {canonical(package.name)}
    allowed = own | declared(package.name) | declared("invsound")
    for source in sorted(sources(package)):
        for name in sorted(imported(source) - sys.stdlib_module_names):
            homes_of = owners(name) | {canonical(name)}
            hold(homes_of & allowed, f"{source.name} imports {name}, of {' or '.join(sorted(homes_of))}, which is not declared")


def declared(name: str) -> set[str]:
    requirements = importlib.metadata.requires(name) or []
    return {canonical(m.group()) for r in requirements if "extra ==" not in r and (m := re.match(r"[\w.-]+", r))}


def sources(package: Package) -> set[Path]:
    """The Python files beside the hook modules and targets, of their packages or alone."""
    found: set[Path] = set()
    for module in {*package.hook_modules(), *(offer.part.target.partition(":")[0] for offer in package.offers)}:
        spec = importlib.util.find_spec(module)
        if spec and spec.origin and spec.origin.endswith(".py"):
            file = Path(spec.origin)
            found |= set(file.parent.glob("*.py")) if "." in module or spec.submodule_search_locations else {file}
    return found


def imported(source: Path) -> set[str]:
    """Top-level names of the modules imported unconditionally by a file."""
    body = ast.parse(source.read_text(encoding="utf-8")).body
    plain = {alias.name for node in body if isinstance(node, ast.Import) for alias in node.names}
    froms = {node.module or "" for node in body if isinstance(node, ast.ImportFrom) and not node.level}
    return {name.partition(".")[0] for name in plain | froms} - {""}


@package_law(mend="choose another name; until then users write distribution:name.")
def names_are_free(package: Package) -> None:
    """No other installed distribution offers a part of the same kind and name."""
    for offer in package.offers:
        rivals = registry.rivals(offer)
        hold(not rivals, f"The {offer.kind} {offer.part.name!r} is also offered by {' and '.join(rivals)}")
