"""The encoders: shapes, range, independence of rows, gradients; EfficientNet-B0's published size; small ones learn; a pitch is a shift."""

import pytest
import torch

from invsound import Encoder, Signal
from invsound.builtin.cnn import CNN, CNNOptions, Filters, TimeToChannels
from invsound.builtin.efficientnet import EfficientNetB0, EfficientNetOptions
from invsound.builtin.equivariant import Equivariant, EquivariantOptions, Look
from invsound.builtin.mbconv import EfficientNet

short = Signal(8192, 8192)


def build(Part: type[Encoder], signal: Signal = short, num_outputs: int = 3, **options: float) -> Encoder:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Part(signal, num_outputs, Part.Options(**options))


def noise(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("Part", [CNN, EfficientNetB0, Equivariant])
@pytest.mark.parametrize("signal", [short, Signal(22050, 65536), Signal(16000, 800)])
def test_outputs_lie_within_the_bounds_and_rows_are_independent(Part: type[Encoder], signal: Signal) -> None:
    encoder = build(Part, signal, num_outputs=5)
    inputs = encoder.prepare(noise(4, signal.num_samples))
    encoder(inputs)
    encoder.eval()
    with torch.no_grad():
        nu_hat = encoder(inputs)
        rows = torch.cat([encoder(row[None]) for row in inputs])
    assert nu_hat.shape == (4, 5)
    assert (nu_hat.abs() < 1).all()
    assert torch.allclose(nu_hat, rows, atol=1e-5)


@pytest.mark.parametrize("size", [(60, 17), (120, 257), (7, 9), (48, 4), (11, 8)])
def test_the_fast_layers_are_the_plain_ones(size: tuple[int, int]) -> None:
    x = noise(2, 1, *size).double().requires_grad_()
    filters = Filters(1, 3, (5, 9), (2, 4), (2, 4), bias=False).double()
    plain = torch.nn.functional.conv2d(x, filters.weight, None, (2, 4), (2, 4))
    torch.testing.assert_close(filters(x), plain, rtol=0, atol=1e-12)
    g = torch.randn_like(plain)
    both = zip(*(torch.autograd.grad(y, (x, filters.weight), g) for y in (filters(x), plain)), strict=True)
    for ours, theirs in both:
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-11)
    pooled = torch.nn.AvgPool2d((1, 3), ceil_mode=True)(x.float()).transpose(2, 3).flatten(1, 2)
    torch.testing.assert_close(TimeToChannels(size[1], 3)(x.float()), pooled, rtol=0, atol=1e-6)


@pytest.mark.parametrize("Part", [CNN, EfficientNetB0, Equivariant])
def test_silence_gives_finite_outputs_and_gradients_to_every_weight(Part: type[Encoder]) -> None:
    encoder = build(Part)
    x = noise(4, short.num_samples)
    x[1] = 0
    nu_hat = encoder(encoder.prepare(x))
    nu_hat.square().sum().backward()
    assert nu_hat.isfinite().all()
    for name, weight in encoder.named_parameters():
        assert weight.grad is not None, name
        assert weight.grad.isfinite().all(), name


@pytest.mark.parametrize("Part", [CNN, EfficientNetB0, Equivariant])
def test_the_front_end_has_no_weights_and_leaves_the_checkpoint(Part: type[Encoder]) -> None:
    encoder = build(Part)
    assert not any(name.startswith("cqt") for name in encoder.state_dict())
    assert len(encoder.prepare(noise(2, short.num_samples))) == 2


@pytest.mark.parametrize("Part", [CNN, EfficientNetB0])
def test_randomness_comes_from_the_default_generator(Part: type[Encoder]) -> None:
    encoder = build(Part, dropout=0.5)
    inputs = encoder.prepare(noise(4, short.num_samples))
    with torch.random.fork_rng(), torch.no_grad():
        outputs = [(torch.manual_seed(seed), encoder(inputs))[1] for seed in (1, 1, 2)]
    assert torch.equal(outputs[0], outputs[1])
    assert not torch.equal(outputs[0], outputs[2])


def test_cnn_is_small() -> None:
    assert sum(weight.numel() for weight in build(CNN, Signal(22050, 65536), 5).parameters()) < 1_000_000


@pytest.mark.parametrize("Part", [CNN, Equivariant])
def test_small_ones_learn_the_pitch_and_the_decay_of_sines_they_have_not_heard(Part: type[Encoder]) -> None:
    """64 decaying sines, two octaves and a factor eight of decay: errors on unseen ones well below the variance, 1/3."""
    nu = torch.rand(96, 2, generator=torch.Generator().manual_seed(0)) * 2 - 1
    t = torch.arange(short.num_samples) / short.sample_rate
    x = torch.sin(2 * torch.pi * 400 * 2 ** nu[:, :1] * t) * torch.exp(-4 * 8 ** (nu[:, 1:] / 2) * t)
    encoder = build(Part, num_outputs=2)
    inputs, optimizer = encoder.prepare(x), torch.optim.Adam(encoder.parameters(), 1e-3)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(25):
            for batch in torch.randperm(64).split(16):
                optimizer.zero_grad()
                (encoder(inputs[batch]) - nu[batch]).square().mean().backward()
                optimizer.step()
    encoder.eval()
    error = (encoder(inputs[64:]) - nu[64:]).square().mean(0)
    assert (error < 0.05).all(), error


def test_where_a_head_looks_moves_with_what_it_sees_and_what_it_reads_does_not() -> None:
    look, x = Look(channels=4, positions=40, heads=3, values=2).double(), torch.full((2, 4, 40), -60.0, dtype=torch.float64)
    x[..., 10:20] = noise(2, 4, 10).double()
    torch.nn.init.constant_(look.where.weight, 1.0)  # so that none looks at the rest
    (here, read), (there, again) = (look(moved).split([3, 6], 1) for moved in (x, x.roll(7, -1)))
    torch.testing.assert_close(there - here, torch.full_like(here, 7 * 2 / 39))
    torch.testing.assert_close(again, read)


def test_a_pitch_that_is_an_octave_higher_is_so_many_positions_higher() -> None:
    """In the body of the encoder, as far from the ends as its blocks see."""
    encoder = build(Equivariant, Signal(22050, 16384), bins_per_octave=12, dilations=(1, 2)).double().eval()
    low = encoder.prepare(noise(1, 16384)).double()
    seen = [encoder.body(inputs)[..., 16:-16] for inputs in (low, low.roll(12, 2))]
    torch.testing.assert_close(seen[0][..., :-6], seen[1][..., 6:])


def test_pitch_keeps_its_precision_under_autocast() -> None:
    encoder = build(Equivariant).eval()
    inputs = encoder.prepare(noise(2, short.num_samples))
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert encoder(inputs).dtype == torch.float32
    with pytest.raises(ValueError, match="dilations"):
        EquivariantOptions(dilations=(0,))


def test_efficientnet_b0_has_the_published_number_of_weights() -> None:
    assert sum(weight.numel() for weight in EfficientNet(1000).parameters()) == 5_288_548


def test_efficientnet_starts_with_the_published_variances() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        *body, last = (module for module in EfficientNet(1000).modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear))
    for module in body:
        fan_out = module.out_channels * module.kernel_size[0] * module.kernel_size[1]
        tolerance = 5 / (2 * module.weight.numel()) ** 0.5  # five standard errors
        assert module.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=tolerance)
    assert last.weight.abs().max().item() == pytest.approx(1000**-0.5, rel=1e-3)


def test_stochastic_depth_skips_residual_blocks_in_training_only() -> None:
    encoder = build(EfficientNetB0, dropout=0.0, stochastic_depth=0.9)
    inputs = encoder.prepare(noise(4, short.num_samples))
    for module in encoder.modules():
        if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.0
    with torch.no_grad():
        assert not torch.equal(encoder(inputs), encoder(inputs))
        encoder.eval()
        assert torch.equal(encoder(inputs), encoder(inputs))


def test_probabilities_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="below 1"):
        EfficientNetOptions(dropout=1.0)
    with pytest.raises(ValueError, match="below 1"):
        CNNOptions(dropout=-0.1)
