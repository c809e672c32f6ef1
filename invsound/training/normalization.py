"""Batch normalization over all ranks: the mean and variance of a batch are those of the whole, not of each device's part."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


class _Total(torch.autograd.Function):
    """Σ over ranks; its gradient is the sum of theirs."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _total(x: Tensor) -> Tensor:
    total: Tensor = _Total.apply(x)  # type: ignore[no-untyped-call]
    return total


class GlobalBatchNorm(_BatchNorm):
    """y = γ (x − μ) / √(σ² + ε) + β, μ and σ² over the batches of all ranks (Ioffe & Szegedy, ICML 2015, algorithm 1), on any device.

    In `eval()` it is the batch norm that it was made of, and its weights and statistics have the same names.
    """

    def __init__(self, of: _BatchNorm) -> None:
        super().__init__(of.num_features, of.eps, of.momentum, of.affine, of.track_running_stats)
        self.weight, self.bias = of.weight, of.bias
        for name, value in of.named_buffers(recurse=False):
            setattr(self, name, value)
        self.train(of.training)

    def _check_input_dim(self, x: Tensor) -> None:
        """Of one, two and three dimensions alike."""

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(x)
        others = [d for d in range(x.ndim) if d != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        n = float(_total(torch.tensor(float(math.prod(x.shape[d] for d in others)), device=x.device)))
        mean = _total(x.sum(others)) / n
        centred = x - mean.view(shape)
        variance = _total(centred.square().sum(others)) / n
        self._remember(mean.detach(), variance.detach() * n / (n - 1))
        y: Tensor = centred * (variance + self.eps).rsqrt().view(shape)
        return y * self.weight.view(shape) + self.bias.view(shape) if self.affine else y

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        if not self.track_running_stats or self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked.add_(1)
        weight = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean.to(self.running_mean), weight)
        self.running_var.lerp_(variance.to(self.running_var), weight)


def over_ranks(module: nn.Module) -> None:
    """Make every batch norm in a module global, in place."""
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            setattr(module, name, GlobalBatchNorm(child))
        else:
            over_ranks(child)
