"""Mutants: scores."""

from invsound import Score

from .common import Options, breaks


class GoodScore(Score):
    Options = Options

    def forward(self, x_hat, x):
        return (x_hat - x).norm(dim=1)


@breaks("score", "score is a distance per row")
class MeanScore(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x).mean()


@breaks("score", "score is a distance per row")
class Offset(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x) + 1


@breaks("score", "score is finite on edge sounds")
class Relative(GoodScore):
    def forward(self, x_hat, x):
        return super().forward(x_hat, x) / x.norm(dim=1)
