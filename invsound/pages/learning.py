"""What the losses of a training say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RISE = 0.05
"""Relative; less is noise."""


def told(epochs: Sequence[Mapping[str, Any]], keep: str = "best") -> str | None:
    """One sentence where the losses show that training did not do what one hopes for; None elsewhere. See `rise`."""
    trained = [e["val_loss"] for e in epochs if e.get("val_loss") is not None]
    if len(trained) > 1 and trained[0] == 0 and max(trained) == 0:
        return "The validation loss is 0 from the start: this loss does not see an untrained encoder's errors, and nothing was learned."
    if said := rise(epochs, keep):
        return said
    if len(trained) > 1 and keep == "best" and min(trained[1:]) >= trained[0] and not any(e.get("handed_over") for e in epochs):
        return "No epoch had a lower validation loss than the untrained encoder, which is kept: what was trained is not used."
    return None


def rise(epochs: Sequence[Mapping[str, Any]], keep: str = "best") -> str | None:
    """One sentence where the validation loss has risen since its lowest while the training loss fell; None elsewhere.

    `epochs` are the records of metrics.jsonl; what is said is about the loss of the run, not that of its pretraining.
    """
    last = [e for e in epochs if e.get("phase") != "pretraining" and e.get("val_loss") is not None]
    before = [{"epoch": e["epoch"], "val_loss": e["handed_over"]} for e in epochs if e.get("handed_over") is not None]
    seen = [*before, *last]
    trained = [e["train_loss"] for e in seen if e.get("train_loss") is not None]
    if not seen or not trained:
        return None
    lowest = min(seen, key=lambda e: e["val_loss"])
    low, high = lowest["val_loss"], seen[-1]["val_loss"]
    if not high - low > RISE * abs(low) or not trained[-1] < lowest.get("train_loss", trained[0]):
        return None
    by = f"by {100 * (high - low) / low:.3g} %" if low > 0 else f"from {low:.4g} to {high:.4g}"
    kept = f"epoch {lowest['epoch']} is kept" if keep == "best" else f"epoch {seen[-1]['epoch']} is kept, for train.keep={keep}"
    n = seen[-1]["epoch"]
    return f"Validation loss was lowest after epoch {lowest['epoch']} of {n} and has risen {by} since: the encoder of {kept}."
