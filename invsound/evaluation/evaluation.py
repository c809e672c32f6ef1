"""Evaluation: scores of reconstructions, errors of parameters, and what the report shows of both."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..audio import written
from ..audio.alignment import until
from ..data.column import ended
from ..data.columns import Fold
from ..encoder import Encoder, guessed
from ..feature import represented
from ..hooks.culprit import ask
from ..hooks.registry import named
from ..pages.record import WRONG
from ..problem import finite, volume
from ..runs.parts import Parts
from ..score import Score
from ..space import Space
from ..system import progress
from ..system.executor import single_thread
from ..system.files import write_json, write_text

CHUNK = 8


class Target:
    """Sounds x [B, N] that reconstructions are compared with; a score that is a distance in Φ hears them once, or knows Φ(x) [B, D].

    Where they were recorded, and stop while they sound, reconstructions are heard under a `window` [B, N].
    """

    def __init__(self, scores: dict[str, Score], x: Tensor, window: Tensor | None = None, heard: dict[str, Tensor] | None = None) -> None:
        self.scores, self.x, self.window, known = scores, x, window, heard or {}
        self.heard = {
            name: known[name] if name in known else represented(score.feature, x)
            for name, score in scores.items()
            if score.feature is not None
        }

    def distances(self, x_hat: Tensor, which: Tensor) -> dict[str, Tensor]:
        """score → distance [B] between x̂[which] and x: reconstructions that are alike need to be given once."""
        if self.window is not None:
            x_hat, which = x_hat[which] * self.window.to(x_hat), torch.arange(len(which))
        return {name: finite(self._distance(name, x_hat, which)[:, None], f"The score {name!r}")[:, 0].cpu() for name in self.scores}

    def _distance(self, name: str, x_hat: Tensor, which: Tensor) -> Tensor:
        score = self.scores[name]
        if score.feature is None:
            return ask(score, score, x_hat[which], self.x, shape=(len(which),), precision=False)
        distance: Tensor = torch.linalg.vector_norm(represented(score.feature, x_hat)[which] - self.heard[name], dim=1)
        return distance


class Evaluation:
    """Everything that is measured at the end of a run, and written to its folder."""

    def __init__(self, parts: Parts, folder: Path, device: str = "cpu") -> None:
        self.parts, self.folder, self.device = parts, folder, device
        parts.to(device)

    def test(self, fold: Fold, encoders: dict[str, Encoder], mean: Tensor) -> dict[str, Any]:
        """Scores and errors per parameter on the test fold of each encoder, and of ν [P], the training mean; all finite numbers.

        For a score with a representation Φ: macro = mean ‖ΔΦ‖₂, micro = the mean weighted by √(σ₁σ₂) of M at the true ν.
        """
        estimates = {name: self.parts.declared(predict(encoder, fold.whole("inputs"))) for name, encoder in encoders.items()}
        estimates["training_mean"] = mean.expand_as(fold.nu).clone()
        weights = {score: _weight(fold.whole(f"metric:{score}")) for score in self.parts.scores if f"metric:{score}" in fold.columns}
        distances = self._distances(estimates, fold)
        scores = {s: {e: _averages(distances[e][s], weights.get(s)) for e in estimates} for s in self.parts.scores}
        self._write_predictions(fold, estimates["trained"])
        self._write_distances(weights, distances)
        self._write_spectrum(fold)
        return {"sound_count": len(fold), "scores": scores, "parameters": parameter_errors(self.parts.synth.space, fold.nu, estimates)}

    @single_thread()
    @torch.no_grad()
    def _distances(self, estimates: dict[str, Tensor], fold: Fold) -> dict[str, dict[str, Tensor]]:
        """estimate → score → distance [n] between g(ν̂) and g(ν); every sound is made, and heard by each score's Φ, once."""
        heard = {name: fold.whole(f"heard:{name}") for name in self.parts.scores if f"heard:{name}" in fold.columns}
        found: dict[str, dict[str, list[Tensor]]] = {estimate: {name: [] for name in self.parts.scores} for estimate in estimates}
        with progress.bar("Scoring", len(fold), "sounds") as advance:
            for rows in torch.arange(len(fold)).split(CHUNK):
                known = {name: S[rows].to(self.device) for name, S in heard.items()}
                target = Target(self.parts.scores, *self._sounds(fold, rows), known)
                for estimate, nu_hat in estimates.items():
                    distinct, which = nu_hat[rows].unique(dim=0, return_inverse=True)
                    for name, distance in target.distances(self.render(distinct), which).items():
                        found[estimate][name].append(distance)
                advance(len(rows))
        return {estimate: {name: torch.cat(parts) for name, parts in scores.items()} for estimate, scores in found.items()}

    @single_thread()
    @torch.no_grad()
    def compare(self, x_hat: Tensor, x: Tensor, window: Tensor | None = None) -> dict[str, Tensor]:
        """score → distance [B] between reconstructions and targets [B, N], within the window."""
        return Target(self.parts.scores, x, window).distances(x_hat, torch.arange(len(x)))

    @torch.no_grad()
    def render(self, nu: Tensor, seeds: Sequence[int] = ()) -> Tensor:
        """ν [B, W] → audio [B, N], checked; each at its seed if there are any, else a nuisance is as an estimate has it."""
        return finite(self.parts.render(nu.to(self.device), seeds), named(self.parts.synth), self.parts.synth.space, nu)

    def _sounds(self, fold: Fold, rows: Tensor) -> tuple[Tensor, Tensor | None]:
        """x [B, N] of rows of a fold: made, or recorded, and then the windows under which others are compared with them."""
        if fold.x is None:
            return self.render(fold.nu[rows], [fold.seeds[row] for row in rows if fold.seeds]), None
        x, end = ended(fold.x[rows].to(self.device))
        window = torch.stack([until(at, x.shape[1], self.parts.synth.signal.sample_rate) for at in end.tolist()]).to(x)
        return x * window, window

    def write_pair(self, name: str, x: Tensor, x_hat: Tensor) -> None:
        """audio/NAME-target.wav and audio/NAME-reconstruction.wav."""
        rate = self.parts.synth.signal.sample_rate
        written.save(self.folder / "audio" / f"{name}-target.wav", x.cpu(), rate)
        written.save(self.folder / "audio" / f"{name}-reconstruction.wav", x_hat.cpu(), rate)

    def _write_predictions(self, fold: Fold, nu_hat: Tensor) -> None:
        """predictions.csv in physical units, with the seeds of a nuisance, and the first few test sounds as audio."""
        space = self.parts.synth.space
        true, predicted = space.clipped(fold.nu), space.clipped(nu_hat)
        columns = {
            f"{kind}_{p.name}": list(map(p.said, theta[:, i].tolist()))
            for i, p in enumerate(space)
            for kind, theta in (("true", true), ("predicted", predicted))
        }
        columns |= {"seed": list(fold.seeds)} if fold.seeds else {}
        write_text(self.folder / "predictions.csv", _table(columns))
        write_json(self.folder / "space.json", _public(space, self.parts.space))
        count = min(self.parts.config.evaluate.sounds, len(fold))
        for index in range(count):
            row = torch.tensor([index])
            self.write_pair(f"test-{index:02d}", self._sounds(fold, row)[0][0], self.render(nu_hat[row])[0])

    def _write_distances(self, weights: dict[str, Tensor], distances: dict[str, dict[str, Tensor]]) -> None:
        """distances.csv: per test sound, each score of each estimate, and its weight in the score's micro average where that is known."""
        columns = {f"weight_{score}": weight.tolist() for score, weight in weights.items()}
        columns |= {f"{score}_{estimate}": values[score].tolist() for score in self.parts.scores for estimate, values in distances.items()}
        write_text(self.folder / "distances.csv", _table(columns))

    def _write_spectrum(self, fold: Fold) -> None:
        """spectrum.json: eigenvalues of M, descending, per test sound, for the first score that has them."""
        if name := next((name for name in fold.columns if name.startswith("metric:")), None):
            write_json(self.folder / "spectrum.json", {"eigenvalues": torch.linalg.svdvals(fold.whole(name)).square().tolist()})


@torch.no_grad()
def predict(encoder: Encoder, inputs: Tensor, batch: int = 64) -> Tensor:
    """inputs [n, …] → ν̂ [n, P] on the CPU, in `eval()`."""
    encoder.eval()
    device = next((p.device for p in encoder.parameters()), inputs.device)
    nu_hat = [guessed(encoder, rows.to(device)).cpu() for rows in inputs.split(batch)]
    return finite(torch.cat(nu_hat), named(encoder))


def parameter_errors(space: Space, nu: Tensor, estimates: dict[str, Tensor]) -> dict[str, Any]:
    """parameter → its unit and, for each estimate ν̂ [n, W], the mean absolute error in that unit.

    The error of a choice is the share of sounds whose option is wrong, and `chance` what that is of options drawn at random.
    """
    theta = space.clipped(nu)
    missed = {name: (space.clipped(nu_hat) - theta).abs() for name, nu_hat in estimates.items()}
    errors = {name: values.mean(0).tolist() for name, values in missed.items()}
    wrong = {name: (values != 0).double().mean(0).tolist() for name, values in missed.items()}
    found = {}
    for i, p in enumerate(space):
        means = {name: values[i] for name, values in (wrong if p.options else errors).items()}
        found[p.name] = {"unit": WRONG} | means | {"chance": 1 - 1 / p.count} if p.options else {"unit": p.unit} | means
    return found


def _weight(R: Tensor) -> Tensor:
    """R [n, …, P] → √(σ₁σ₂) [n] of M = RᵀR: how strongly each sound responds to its parameters."""
    return volume(torch.linalg.svdvals(R.cpu()))


def _averages(distances: Tensor, weight: Tensor | None) -> dict[str, float]:
    macro = {"macro": float(distances.double().mean())}
    total = 0.0 if weight is None else float(weight.sum())
    return macro | ({"micro": float((weight * distances.double()).sum()) / total} if weight is not None and total > 0 else {})


def _table(columns: dict[str, list[Any]]) -> str:
    """Columns of n values as CSV with an index, every number to its last digit."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["index", *columns])
    rows = zip(*columns.values(), strict=True)
    table.writerows([index, *(value if isinstance(value, str) else repr(value) for value in row)] for index, row in enumerate(rows))
    return text.getvalue()


def _public(declared: Space, learned: Space) -> list[dict[str, Any]]:
    """Each parameter as it is declared, and under "nu" what ν is that the encoder learned: its scale, and its values at the ends of θ."""
    least, greatest = (end.tolist() for end in learned.bounds(torch.zeros(1, dtype=torch.float64)))
    rows = []
    for p, q, block in zip(declared, learned, learned.slices, strict=True):
        nu = {"scale": q.scale, "low": least[block.start], "high": greatest[block.start]}
        rows.append(p.as_dict() | {"nu": nu})
    return rows
