"""A finished run's encoder, written down to be kept and given away."""

from __future__ import annotations

from pathlib import Path

from ..errors import InvsoundError, UsageError
from ..hooks import options
from ..runs import folder as folders
from ..system import plainyaml
from ..system.files import check_folder, make_folder, write_json, write_text
from ..system.tensors import save_tensors
from . import kept
from .card import readme
from .trained import Trained


def export(run: Path | str, out: Path | str, *, onnx: bool = False) -> Path:
    """Write the trained encoder of a finished run into the new folder `out`: weights, what they are of, a card; a few hundred kB.

    encoder.safetensors, trained.yaml, card.json and README.md hold no path of this machine, and `load` needs nothing but the plugins of
    the synth and the encoder. With `onnx` also encoder.onnx, the network from the encoder's inputs to ν̂: the front end is not in it.
    Raises UsageError if `out` exists, InvsoundError if the run is not finished.
    """
    run, out = folders.existing(run), Path(out)
    check_folder(out)
    trained = Trained(run, out.resolve().name)
    config = trained.parts.config
    card = kept.of_run(run) | {"name": trained.name}
    if not make_folder(out):
        raise UsageError(f"{str(out)!r} exists, and nothing in it was touched. Choose another folder, or remove it first.")
    write_json(out / kept.CARD, card)
    write_text(out / kept.README, readme(trained, card))
    write_text(out / kept.MADE_OF, plainyaml.dump({"parts": config.parts, **config.of, "space": options.as_dict(config.space)}))
    save_tensors(out / folders.ENCODER, trained.encoder.state_dict())
    if onnx:
        _onnx(trained, out / "encoder.onnx")
    return out


def _onnx(trained: Trained, path: Path) -> None:
    """The network alone, of any batch."""
    import torch

    inputs = trained.parts.front_end.prepare(torch.zeros(2, trained.synth.signal.num_samples))
    try:
        torch.onnx.export(
            trained.encoder, (inputs,), str(path), input_names=["inputs"], output_names=["nu"], dynamo=True, verbose=False,
            dynamic_shapes=({0: torch.export.Dim("batch")},), external_data=False,
        )  # fmt: skip
    except ImportError as error:
        raise InvsoundError(f"ONNX is written by packages that are not here: python -m pip install onnx onnxscript ({error})") from error
