"""Where to compute here: on which device, and on how many cores, as the system, the batch system and the user's environment allow."""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import UsageError

ALLOTTED = ("OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK", "PBS_NCPUS", "NSLOTS", "LSB_DJOB_NUMPROC")
"""Variables in which users and batch systems say how many cores are theirs."""
GROUPS = Path("/sys/fs/cgroup")


def choose(name: str) -> str:
    """A usable device from its name; "auto" is a GPU if there is one. Raises UsageError for an unknown or absent device."""
    import torch  # late: the command line counts cores before

    available = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))] + (["mps"] if torch.backends.mps.is_available() else [])
    if name == "auto":
        return "cuda:0" if "cuda:0" in available else "cpu"
    chosen = "cuda:0" if name == "cuda" else name
    if chosen not in available:
        raise UsageError(f"There is no device {name!r} here. Available: {', '.join(available)}, auto.")
    return chosen


def cores() -> int:
    """The least of the cores that this process may run on, the quota of its control group, and what the environment allots."""
    allotted = [match[0] for name in ALLOTTED if (match := re.match(r"[1-9]\d*", os.environ.get(name, "").strip()))]
    return max(1, min([allowed(), *map(int, allotted)]))


def allowed() -> int:
    """The cores that the system lets this process use, quota included."""
    here = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([here, *_quotas()]))


def _quotas() -> list[int]:
    """Processor time per time, of the control group and those around it (version 2), or of a container's (version 1)."""
    folder = GROUPS / _group()
    texts = [_text(group / "cpu.max") for group in (folder, *folder.parents) if group.is_relative_to(GROUPS)]
    texts.append(f"{_text(GROUPS / 'cpu/cpu.cfs_quota_us')} {_text(GROUPS / 'cpu/cpu.cfs_period_us')}")
    return [ratio for ratio in map(_ratio, texts) if ratio]


def _group() -> str:
    """The path of this process's control group (version 2)."""
    lines = _text(Path("/proc/self/cgroup")).splitlines()
    return next((line[3:].lstrip("/") for line in lines if line.startswith("0::")), "")


def _ratio(text: str) -> int:
    """`"150000 100000"` → 2, whole cores; `"max 100000"` and what cannot be read → 0, no limit."""
    numbers = re.fullmatch(r"\s*(\d+)\s+([1-9]\d*)\s*", text)
    return -(-int(numbers[1]) // int(numbers[2])) if numbers else 0


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def limit_threads() -> None:
    """Before torch is imported: it starts a thread for every core that it sees, whatever the quota."""
    if hasattr(os, "sched_getaffinity") and allowed() < len(os.sched_getaffinity(0)):
        os.environ.setdefault("OMP_NUM_THREADS", str(allowed()))
