"""What a training sound meets on its way into a recording: drawn from a seed, as loud and as long as is said, and nothing else."""

import math

import pytest
import torch

from invsound.data import augment
from invsound.runs.stages import AUGMENT, Data

RATE, N = 16000.0, 16384
SEEDS = range(40)


@pytest.fixture
def tone():
    t = torch.arange(N, dtype=torch.float64) / RATE
    return torch.exp(-t / 0.1) * torch.sin(2 * torch.pi * 440 * t)


@pytest.fixture
def click():
    x = torch.zeros(N, dtype=torch.float64)
    x[0] = 1
    return x


def heard(x, *effects, seed=0):
    return augment.augmented(x, RATE, effects, seed)


def scores(run, encoder):
    return {name: value[encoder] for name, value in run["scores"].items()}


def decibels(ratio):
    return 20 * math.log10(float(ratio))


def test_options_name_every_effect():
    assert tuple(augment.EFFECTS) == AUGMENT
    with pytest.raises(ValueError, match=r"augment has no 'nois'. Did you mean 'noise'\? Available: speed, room, equalizer"):
        Data(augment=["nois"])


def test_none_is_none(tone):
    assert torch.equal(heard(tone), tone)


@pytest.mark.parametrize("name", AUGMENT)
def test_it_is_a_function_of_the_seed_and_silence_stays_silence(name, tone):
    assert torch.equal(heard(tone, name, seed=3), heard(tone, name, seed=3))
    assert len({str(heard(tone, name, seed=seed)[:: N // 64]) for seed in SEEDS}) > 15
    silence = torch.zeros(N)
    assert torch.equal(heard(silence, name), silence)
    assert heard(tone.float(), name).dtype == torch.float32
    torch.testing.assert_close(heard(tone.float(), name).double(), heard(tone, name), rtol=1e-3, atol=1e-5)


def test_effects_do_not_hang_together(tone):
    """The order of the names is nothing, and of another effect's draw nothing changes."""
    assert torch.equal(heard(tone, "level", "room"), heard(tone, "room", "level"))
    assert torch.equal(heard(heard(tone, "room"), "level"), heard(tone, "room", "level"))


@pytest.mark.parametrize("name", ["room", "equalizer", "level", "cut"])
def test_all_but_noise_are_linear(name, tone, click):
    both = heard(tone - 2 * click, name)
    torch.testing.assert_close(both, heard(tone, name) - 2 * heard(click, name))


def test_a_level_is_a_gain_of_at_most_twelve_decibels(tone):
    gains = [heard(tone, "level", seed=seed)[1:] / tone[1:] for seed in SEEDS]
    assert all(float(gain.max() - gain.min()) < 1e-12 for gain in gains)
    told = [decibels(gain[0]) for gain in gains]
    assert -12 <= min(told) < -9 < -3 < max(told) <= 0


def test_noise_is_as_far_below_the_peak_as_is_said(tone):
    added = [heard(tone, "noise", seed=seed) - tone for seed in SEEDS]
    told = [decibels(noise.square().mean().sqrt() / tone.abs().max()) for noise in added]
    assert -80 <= min(told) < -65 < -55 < max(told) <= -40


def test_a_cut_leaves_the_beginning_and_then_nothing(tone):
    cut = [heard(tone, "cut", seed=seed) for seed in SEEDS]
    untouched = [torch.equal(x, tone) for x in cut]
    assert 10 < sum(untouched) < 30
    for x in (x for x, whole in zip(cut, untouched, strict=True) if not whole):
        last = int(x.nonzero().max())
        assert last >= 0.08 * RATE - 2
        same = int((x != tone).nonzero().min())
        assert last / 2 - 2 <= same <= last + 1
        assert last - same <= 0.2 * RATE


def test_an_equalizer_begins_at_once_and_is_gentle(click):
    """Minimum phase: nothing before the click, most of the energy in two milliseconds; gains of three decibels or so an octave."""
    gains = []
    for seed in SEEDS:
        h = heard(click, "equalizer", seed=seed)
        assert float(h[:32].square().sum()) > 0.5 * float(h.square().sum())
        H = torch.fft.rfft(h, 2 * N).abs()
        f = torch.fft.rfftfreq(2 * N, 1 / RATE)
        gains.append([decibels(H[int((f - octave).abs().argmin())]) for octave in (125, 500, 2000, 4000)])
    spread = torch.tensor(gains).std(0)
    assert ((spread > 1.5) & (spread < 5)).all()


def test_a_room_is_the_sound_and_then_a_tail_that_falls(click):
    for seed in SEEDS:
        h = heard(click, "room", seed=seed)
        tail = h - click
        assert -20.01 <= decibels(tail.norm()) <= -2.99
        early, late = (float(part.square().sum()) for part in tail.split(N // 2))
        assert late < early


def test_what_is_learned_from_is_augmented_and_what_is_scored_is_not(tiny, invsound, toy):
    import json
    from pathlib import Path

    def run(name, *more):
        result = invsound(*toy(tiny, "--out", name, *more))
        assert result.exit_code == 0, result.stderr
        return json.loads(Path(name, "scores.json").read_text()), result.stderr

    clean, _ = run("clean")
    made, said = run("made", "data.augment=[noise,room]")
    assert "encoder inputs, augmented (24 sounds)" in said
    assert scores(made, "untrained") == scores(clean, "untrained")
    assert scores(made, "trained") != scores(clean, "trained")
    again, said = run("again", "data.augment=[room,noise]")
    assert "is prepared already" in said
    assert again == made
    other, _ = run("other", "data.augment=[noise,room]", "seed=1")
    assert other != made
    refused = invsound(*toy(tiny, "--out", "no", "data.augment=[echo]"))
    assert (refused.exit_code, "augment has no 'echo'" in refused.stderr) == (2, True)


def test_fresh_sounds_and_nuisances_are_augmented_too(tiny):
    import invsound as api

    small = ["data.train=16", "data.val=8", "data.test=4", "train.epochs=3", "train.batch=8", "evaluate.sounds=0", "evaluate.scores=[mss]"]
    small += ["evaluate.micro=false", "feature.n_fft=[64]", "data.augment=[noise,cut]"]
    one, again = (api.run(tiny, "mss", "ploss", overrides=[*small, "data.fresh=true"], out=out, quiet=True) for out in ("one", "again"))
    assert scores(one, "trained") == scores(again, "trained")
    stale = api.run(tiny, "mss", "ploss", overrides=small, quiet=True)
    assert scores(one, "trained") != scores(stale, "trained")


def test_a_nuisance_is_that_of_the_sound(invsound):
    """Two seeds that are drawn alike: the nuisance of the synth, and what is added to it."""
    from invsound.data.column import column_of
    from invsound.runs import config
    from invsound.runs.parts import Parts

    spray = {"parts": {"synth": "granular", "feature": "mss", "loss": "ploss"}, "synth": {"num_samples": 4096, "grains": 4, "size": 512}}
    parts = Parts(config.resolve({**spray, "data": {"augment": ["level"]}}))
    nu = parts.space.to_nu(parts.space.at(torch.full((2, 2), 0.5)))
    both = column_of(parts, "augmented", nu, (5, 6))
    torch.testing.assert_close(both, torch.cat([column_of(parts, "augmented", nu[:1], (5,)), column_of(parts, "augmented", nu[1:], (6,))]))
    assert not torch.equal(both[0], both[1])


def test_speed_is_the_sound_in_less_time_or_more(tone):
    """The tone of 440 Hz and 0.1 s becomes one of 440 Hz times as much, and of as much less time."""
    factors = []
    for seed in SEEDS:
        y = heard(tone, "speed", seed=seed)
        spectrum = torch.fft.rfft(y, 8 * N).abs()
        factor = float(spectrum.argmax()) * RATE / (8 * N) / 440
        early = int(0.05 / factor * RATE)  # inside both
        level = [float(y[k : k + early].square().sum()) for k in (0, early)]
        assert 10 * math.log10(level[0] / level[1]) == pytest.approx(20 * math.log10(math.e) * 0.5, rel=0.1)
        factors.append(math.log2(factor))
    assert -0.71 <= min(factors) < -0.5 < 0.5 < max(factors) <= 0.71


def test_a_recording_is_taken_again_until_where_it_ends(tone):
    """What is compared has neither noise nor level, and ends where the sound does, which is played faster and cut."""
    end, lasting = 4000.0, []
    for seed in SEEDS:
        x, sound, until = augment.retaken(tone, end, RATE, 1.0, ["speed", "noise", "cut", "level"], seed)
        assert float(sound.abs().max()) == pytest.approx(1, abs=1e-3) or until < 200
        assert not sound[math.ceil(until) :].any()
        assert sound[int(until) - 100 : int(until)].any()
        whole = augment.retaken(tone, end, RATE, 1.0, ["speed"], seed)[1]
        torch.testing.assert_close(x, augment.at_peak(heard(whole, "noise", "cut", "level", seed=seed), 1.0))
        lasting.append(until / end)
    assert min(lasting) < 0.6
    assert 1.2 < max(lasting) <= 2**0.7
    x, sound, until = augment.retaken(tone, N, RATE, 1.0, [], 0)
    assert torch.equal(x, tone)
    assert torch.equal(sound, tone)
    assert until == N


def test_what_is_heard_at_one_peak_is_augmented_to_it():
    """A recording is brought to the peak of `ftm` before it is heard: a level is nothing to its encoder."""
    from invsound.data.column import column_of
    from invsound.runs import config
    from invsound.runs.parts import Parts

    drum = {"parts": {"synth": "ftm", "feature": "mss", "loss": "ploss"}, "synth": {"num_samples": 4096}}
    quiet, loud = (Parts(config.resolve({**drum, "data": {"augment": effects}})) for effects in (["room", "level"], ["room"]))
    nu = torch.zeros(2, len(quiet.space))
    torch.testing.assert_close(*(column_of(parts, "augmented", nu, (5, 6)) for parts in (quiet, loud)), rtol=1e-3, atol=1e-3)
    x = torch.stack([augment.augmented(row, 22050.0, ["room"], seed) for row, seed in zip(quiet.render(nu), (5, 6), strict=True)])
    expected = quiet.front_end.prepare(x / x.abs().amax(1, keepdim=True))
    torch.testing.assert_close(column_of(loud, "augmented", nu, (5, 6)), expected, rtol=1e-3, atol=1e-3)
