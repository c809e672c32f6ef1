"""The network EfficientNet-B0, in plain torch.

Source: Tan & Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, ICML 2019.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

B0 = (
    # expansion, channels, blocks, stride, kernel: Tan & Le 2019, table 1
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


def convolution(
    channels_in: int, channels_out: int, kernel: int = 1, stride: int = 1, groups: int = 1, activation: bool = True
) -> nn.Sequential:
    layers = [
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.SiLU(),
    ]
    return nn.Sequential(*layers[: 2 + activation])


class SqueezeExcitation(nn.Module):
    """Scales each channel by a gate computed from the means of all channels."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Conv2d(channels, squeezed, 1), nn.SiLU(), nn.Conv2d(squeezed, channels, 1), nn.Sigmoid())

    def forward(self, x: Tensor) -> Tensor:
        mean = x.sum((2, 3), keepdim=True) / (x.shape[2] * x.shape[3])  # .mean() would write out its gradient for every pixel
        scaled: Tensor = x * self.gate(mean)
        return scaled


class MBConv(nn.Module):
    """Inverted bottleneck: expand, depthwise convolution, squeeze-excitation, project; in training skipped at random, row by row."""

    def __init__(self, channels_in: int, channels_out: int, expansion: int, kernel: int, stride: int, drop: float) -> None:
        super().__init__()
        wide = channels_in * expansion
        expand = [convolution(channels_in, wide)] if expansion > 1 else []
        self.body = nn.Sequential(
            *expand,
            convolution(wide, wide, kernel, stride, groups=wide),
            SqueezeExcitation(wide, channels_in // 4),
            convolution(wide, channels_out, activation=False),
        )
        self.residual, self.drop = stride == 1 and channels_in == channels_out, drop

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        if not self.residual:
            return y
        if self.training and self.drop > 0:
            y = y * (torch.empty(len(y), 1, 1, 1, device=y.device, dtype=y.dtype).bernoulli_(1 - self.drop) / (1 - self.drop))
        return x + y


class EfficientNet(nn.Sequential):
    """EfficientNet-B0: images [B, 3, H, W] → [B, outputs]. With 1000 outputs it has 5,288,548 weights.

    `drop` is the probability of stochastic depth at the end, rising linearly from 0 at the first block. Weights start as in torchvision.
    """

    def __init__(self, num_outputs: int = 1000, dropout: float = 0.2, drop: float = 0.2) -> None:
        layers: list[nn.Module] = [convolution(3, 32, 3, 2)]
        total, channels = sum(blocks for _, _, blocks, _, _ in B0), 32
        for expansion, channels_out, blocks, stride, kernel in B0:
            for block in range(blocks):
                depth = (len(layers) - 1) / total
                layers.append(MBConv(channels, channels_out, expansion, kernel, stride if block == 0 else 1, drop * depth))
                channels = channels_out
        head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(dropout), nn.Linear(1280, num_outputs)]
        super().__init__(*layers, convolution(channels, 1280), *head)
        self.apply(initialise)


def initialise(module: nn.Module) -> None:
    """Convolutions: normal, variance 2 / fan-out; linear layers: uniform, ±1/√outputs; biases zero."""
    if isinstance(module, nn.Conv2d):
        nn.init.kaiming_normal_(module.weight, mode="fan_out")
    elif isinstance(module, nn.Linear):
        bound = 1 / math.sqrt(module.out_features)
        nn.init.uniform_(module.weight, -bound, bound)
    if isinstance(module, nn.Conv2d | nn.Linear) and module.bias is not None:
        nn.init.zeros_(module.bias)
