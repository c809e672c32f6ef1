"""Recordings, which the trained encoder is asked for: what it finds, and how near that is, beside other answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from ..audio.alignment import until
from ..data.columns import Fold
from ..encoder import Encoder, prepared
from ..feature import represented
from ..runs.inputs import Heard
from ..score import FOUND, MISSED
from .evaluation import Evaluation, Target, predict

SOUNDS = 16  # of the test fold, that stand for random ones


class Targets:
    """Recordings and whoever answers: an encoder, the mean of the training parameters ν [P], and sounds of the test fold, at random."""

    def __init__(self, judge: Evaluation, encoder: Encoder, test: Fold, mean: Tensor) -> None:
        self.judge, self.encoder = judge, encoder
        self.x_mean = judge.render(mean[None])
        self.others = judge.render(test.nu[:SOUNDS])

    @torch.no_grad()
    def __call__(self, heard: Iterable[Heard]) -> list[dict[str, Any]]:
        """For each: parameters, scores of every answer, a sentence, and two WAV files in the run folder."""
        return [self._found(one) for one in heard]

    def _found(self, one: Heard) -> dict[str, Any]:
        judge, space = self.judge, self.judge.parts.synth.space
        window = until(one.recording.end, len(one.recording.x), judge.parts.synth.signal.sample_rate)[None].to(judge.device)
        x = one.recording.x[None].to(judge.device) * window
        nu_hat = judge.parts.declared(predict(self.encoder, prepared(judge.parts.front_end, x)))
        x_hat = judge.render(nu_hat)
        judge.write_pair(one.name, x[0], x_hat[0])
        scores, by_mean = (_plain(judge.compare(answer, x, window)) for answer in (x_hat, self.x_mean))
        random = self._at_random(x, window)
        said = verdict(scores, by_mean, random)
        return {
            "file": str(one.recording.path), "name": one.name, "notes": one.recording.notes,
            "parameters": space.named(space.clipped(nu_hat[0])),
            "scores": scores, "training_mean": by_mean, "random": random, "said": said,
        }  # fmt: skip

    def _at_random(self, x: Tensor, window: Tensor) -> dict[str, float]:
        """score → the median distance of the others to x [1, N], under its window."""
        n, scores = len(self.others), self.judge.parts.scores
        heard = {name: represented(score.feature, x).expand(n, -1) for name, score in scores.items() if score.feature is not None}
        distances = Target(scores, x.expand(n, -1), window.expand(n, -1), heard).distances(self.others, torch.arange(n))
        return {score: float(distance.median()) for score, distance in distances.items()}


def _plain(distances: dict[str, Tensor]) -> dict[str, float]:
    return {score: float(distance[0]) for score, distance in distances.items()}


def verdict(scores: dict[str, float], by_mean: dict[str, float], random: dict[str, float]) -> str:
    """What the first score says of an answer, beside that of the training mean and the distance of a typical random sound."""
    score, value = next(iter(scores.items()))
    share = value / random[score] if random[score] else 1.0
    word = "Found" if share < FOUND else "Missed" if share >= MISSED else "Near"
    nearer = "; the training mean, which hears nothing, is nearer" if by_mean[score] <= value and share >= FOUND else ""
    return f"{word}: by {score}, {share:.0%} as far as a random sound{nearer}."
