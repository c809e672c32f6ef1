"""Laws of every part: its options; and of every map from rows to rows: shape of the batch, independence, determinism, dtype, device."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .. import encoder, executor, feature, logger, loss, score, solver, synth
from ..hooks import options
from ..hooks.registry import BUILT
from ..system import rng
from .law import hold, law, skip
from .subject import DTYPES, Subject, apart

MAPS = ("synth", "feature", "encoder", "score")
MODULES = (*MAPS, "loss")
BASES: dict[str, type] = {
    "synth": synth.Synth, "feature": feature.Feature, "loss": loss.Loss, "optimizer": torch.optim.Optimizer,
    "encoder": encoder.Encoder, "solver": solver.Solver, "score": score.Score,
    "logger": logger.Logger,
    "executor": executor.Executor,
}  # fmt: skip


@law(*BUILT, first=True, mend="derive the class from the one its hook names, such as invsound.Synth for invsound_synths.")
def class_is_of_its_kind(subject: Subject) -> None:
    """A part's class is a subclass of its kind's abstract class."""
    base = BASES[subject.kind]
    hold(issubclass(subject.cls, base), f"{subject.cls.__name__} is no {base.__module__}.{base.__name__}")


@law(*BUILT, mend="add a line 'name: what it is, unit' to the docstring of the options dataclass.")
def options_are_documented(subject: Subject) -> None:
    """Every option has a line in the docstring of the dataclass."""
    lines = options.help_lines(subject.cls.Options)
    missing = [field.name for field in dataclasses.fields(subject.cls.Options) if not lines.get(field.name)]
    hold(not missing, f"No line for: {', '.join(missing)}")


@law(
    *BUILT,
    mend="use types that YAML has (int, float, bool, str, lists of them), and let __post_init__ leave alone what it has converted.",
)
def options_survive_yaml(subject: Subject) -> None:
    """Options written to a config.yaml and read back are the same, defaults and those given."""
    from omegaconf import OmegaConf

    cls = subject.cls.Options
    given = dataclasses.asdict(options.resolve(cls, subject.options, subject.label))
    for chosen in (cls(), cls(**given)):
        text = OmegaConf.to_yaml(OmegaConf.create(options.as_dict(chosen)))
        back = options.resolve(cls, OmegaConf.to_container(OmegaConf.create(text)), subject.label)  # type: ignore[arg-type]
        hold(back == chosen, f"{chosen} came back as {back}")


def row_count_is_kept(subject: Subject) -> None:
    for dtype in DTYPES:
        for count in (1, 3):
            out = subject.rows_map(subject.instance)(subject.rows(count, dtype))
            hold(out.shape[:1] == (count,), f"On {count} random rows it returned {list(out.shape)}")


@law(*MAPS, mend="reduce along the last axes only (dim=-1 or dim=1), and squeeze no batch of one.")
def batch_is_loop(subject: Subject) -> None:
    """A batch gives what its rows give one by one."""
    f, rows = subject.rows_map(subject.instance), subject.rows(3)
    row_count_is_kept(subject)
    loop = torch.cat([f(row[None]) for row in rows])
    hold(apart(f(rows), loop) < 1e-9, f"On 3 random rows, batch and loop differ by {apart(f(rows), loop):.1e} of the largest value")


@law(*MAPS, mend="normalise each row by its own maximum, mean or norm, never by the batch's.")
def rows_are_independent(subject: Subject) -> None:
    """Row i of the output depends on row i of the input only."""
    f, rows = subject.rows_map(subject.instance), subject.rows(3)
    others = torch.cat([rows[:1], subject.rows(2, seed=7)])
    change = apart(f(others)[:1], f(rows)[:1])
    hold(change < 1e-9, f"With the other two rows replaced, row 0 changed by {change:.1e} of its largest value")


@law(*MAPS, mend="draw randomness once, in the constructor, from a torch.Generator seeded by an option.")
def deterministic(subject: Subject) -> None:
    """The same options and input give the same output, and no global random state is touched."""
    rows, outputs = subject.rows(2), []
    for seed in (0, 1):
        with rng.forked(seed, "law"):
            f, state = subject.rows_map(subject.build()), torch.get_rng_state()
            outputs += [f(rows), f(rows)]
            hold(torch.equal(state, torch.get_rng_state()), "On 2 random rows it drew from torch's global generator")
    worst = max(apart(out, outputs[0]) for out in outputs)
    hold(worst == 0, f"Two calls, or two instances, differ by {worst:.1e} on the same 2 random rows")


@law(*MAPS, mend="work on a copy: x = x * window, not x *= window.")
def input_is_left_alone(subject: Subject) -> None:
    """The input is not modified in place."""
    rows = subject.rows(2)
    before = rows.clone()
    subject.rows_map(subject.instance)(rows)
    hold(torch.equal(rows, before), "2 random rows had changed after the call")


@law(*MAPS, mend="make constants follow the input: torch.arange(N, dtype=x.dtype, device=x.device), self.window.to(x.dtype).")
def dtype_follows_the_input(subject: Subject) -> None:
    """float32 in, float32 out; float64 in, float64 out."""
    for dtype in DTYPES:
        out = subject.rows_map(subject.instance)(subject.rows(2, dtype))
        hold(out.dtype == dtype, f"On {dtype} rows it returned {out.dtype}")


@law(*MODULES, mend="self.register_buffer(name, tensor, persistent=False) in the constructor.")
def constants_are_buffers(subject: Subject) -> None:
    """Every tensor a part keeps is a buffer or a parameter, so that .to(device) moves it."""
    stray = sorted({f"{path or type(subject.instance).__name__}.{name}" for path, name in _stray_tensors(subject.instance)})
    hold(not stray, f"Kept as plain attributes: {', '.join(stray)}")


def _stray_tensors(module: nn.Module) -> Iterator[tuple[str, str]]:
    for path, inner in module.named_modules():
        for name, value in vars(inner).items():
            if name not in ("_parameters", "_buffers", "_modules") and _holds_a_tensor(value):
                yield path, name


def _holds_a_tensor(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return isinstance(value, Tensor) or (isinstance(value, list | tuple) and any(isinstance(item, Tensor) for item in value))


@law(*MAPS, mend="create tensors on the device of the input (device=x.device), and keep constants as buffers.")
def device_follows_the_input(subject: Subject) -> None:
    """On a GPU a part computes there, and what it computes on the CPU."""
    if not torch.cuda.is_available():
        skip("no CUDA device here")
    rows = subject.rows(2)
    out = subject.rows_map(subject.build().eval().to("cuda"))(rows.to("cuda"))
    hold(out.device.type == "cuda", f"On CUDA rows it returned a tensor on {out.device}")
    difference = apart(out.cpu(), subject.rows_map(subject.instance)(rows))
    hold(difference < 1e-6, f"On 2 random rows it differs from the CPU by {difference:.1e} of the largest value")
