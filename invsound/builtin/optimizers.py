"""PyTorch's optimizers, with their options as dataclasses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import nn

from ..hooks.bounds import option


@dataclass
class AdamOptions:
    """Adam.

    lr: learning rate
    beta1: decay of the mean of gradients
    beta2: decay of the mean of squared gradients
    eps: added to the root of the latter
    weight_decay: L2 penalty
    """

    lr: float = option(1e-3, above=0, high=1e30)
    beta1: float = option(0.9, low=0, below=1)
    beta2: float = option(0.999, low=0, below=1)
    eps: float = option(1e-8, low=0, high=1)
    weight_decay: float = option(0.0, low=0, high=1000)


@dataclass
class AdamWOptions(AdamOptions):
    """Adam with decoupled weight decay.

    lr: learning rate
    beta1: decay of the mean of gradients
    beta2: decay of the mean of squared gradients
    eps: added to the root of the latter
    weight_decay: decay per step, times lr
    """

    weight_decay: float = 1e-2


@dataclass
class SGDOptions:
    """Stochastic gradient descent.

    lr: learning rate
    momentum: decay of the velocity
    nesterov: look ahead along the velocity
    weight_decay: L2 penalty
    """

    lr: float = option(1e-2, above=0, high=1e30)
    momentum: float = option(0.9, low=0, below=1)
    nesterov: bool = False
    weight_decay: float = option(0.0, low=0, high=1000)


class Adam(torch.optim.Adam):
    """Adam (Kingma & Ba, ICLR 2015)."""

    Options = AdamOptions

    def __init__(self, params: Iterable[nn.Parameter], options: AdamOptions) -> None:
        super().__init__(params, lr=options.lr, betas=(options.beta1, options.beta2), eps=options.eps, weight_decay=options.weight_decay)


class AdamW(torch.optim.AdamW):
    """Adam with decoupled weight decay (Loshchilov & Hutter, ICLR 2019)."""

    Options = AdamWOptions

    def __init__(self, params: Iterable[nn.Parameter], options: AdamWOptions) -> None:
        super().__init__(params, lr=options.lr, betas=(options.beta1, options.beta2), eps=options.eps, weight_decay=options.weight_decay)


class SGD(torch.optim.SGD):
    """Stochastic gradient descent with momentum."""

    Options = SGDOptions

    def __init__(self, params: Iterable[nn.Parameter], options: SGDOptions) -> None:
        super().__init__(params, lr=options.lr, momentum=options.momentum, nesterov=options.nesterov, weight_decay=options.weight_decay)
