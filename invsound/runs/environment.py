"""Where and with what a run was made."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any

from ..hooks import objects, registry
from ..hooks.fingerprint import fingerprint
from ..system.files import write_json
from ..system.version import VERSION
from .config import Config


def describe(device: str = "cpu") -> dict[str, Any]:
    """The machine, and the version of every plugin."""
    return machine(device) | {"plugins": {p.distribution: p.version for p in registry.plugins() if not p.broken}}


def machine(device: str = "cpu") -> dict[str, Any]:
    """Versions of Python, torch and invsound, the machine's processor and cores, the device."""
    import torch

    return {
        "invsound": VERSION,
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
        "device": device if device == "cpu" else f"{device} ({torch.cuda.get_device_name(device)})",
    }


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def write(path: Path, config: Config, device: str) -> None:
    """environment.json of a run folder."""
    parts = {f"{kind} {name}": fingerprint(kind, name) for kind, name in config.parts.items()}
    given = {kind: origin for kind, name in config.parts.items() if (origin := objects.origin(kind, name))}
    write_json(path / "environment.json", describe(device) | {"parts": parts} | ({"given": given} if given else {}))
