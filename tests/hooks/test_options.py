"""Options: merged in order, checked against dataclasses, round trip through YAML."""

import dataclasses

import pytest
from omegaconf import OmegaConf

from invsound import UsageError
from invsound.hooks import options, registry
from invsound.runs import config


def test_overrides_are_yaml_and_nested():
    given = options.from_overrides(["feature.J=10", "feature.Q=[8,1]", "optimizer.lr=3e-4", "train.clip=null", "seed=1"])
    assert given["feature"] == {"J": 10, "Q": [8, 1]}
    assert float(given["optimizer"]["lr"]) == 3e-4
    assert given["train"]["clip"] is None
    with pytest.raises(UsageError, match="key=value, got 'seed'"):
        options.from_overrides(["seed"])


def test_the_last_layer_wins():
    assert options.merge({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"b": 4}) == {"a": {"x": 1, "y": 3}, "b": 4}


def test_a_resolved_config_resolves_to_itself(tiny):
    first = config.resolve({"parts": {"synth": tiny, "feature": "mss"}}, options.from_overrides(["data.train=7", "optimizer.lr=3e-4"]))
    again = config.resolve(OmegaConf.to_container(OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(first.as_dict())))))
    assert again == first
    assert first.data.train == 7
    assert first.of["optimizer"]["lr"] == 3e-4


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trian.epochs=2"], "Did you mean 'train'"),
        (["train.epoch=2"], "train has no option 'epoch'. Did you mean 'epochs'"),
        (["train.epochs=soon"], "option epochs takes an int, got 'soon'"),
        (["train.batch=0"], "option batch takes an int, 2 to 65536, got 0"),
        (["train=3"], "train is a group of options"),
        (["seed=soon"], "seed is a whole number"),
        (["seed=-1"], "seed is a whole number"),
        (["parts.synht=x"], "Did you mean 'synth'"),
        (["data.design=nope"], "option design takes a str, 'random' or"),
    ],
)
def test_wrong_options_are_usage_errors(overrides, message, tiny):
    layers = [{"parts": {"synth": tiny, "feature": "mss"}}, options.from_overrides(overrides)]
    with pytest.raises(UsageError, match=message):
        config.resolve(*layers)


def test_a_run_needs_a_synth_and_an_existing_preset():
    with pytest.raises(UsageError, match="Which synth"):
        config.resolve({})
    with pytest.raises(UsageError, match="Did you mean 'quick'"):
        config.resolve({}, preset="quik")


def every_part():
    return [pytest.param(o, id=f"{o.kind}-{o.part.name}") for kind in registry.BUILT for o in registry.offers(kind)]


@pytest.mark.parametrize("offer", every_part())
def test_every_shipped_part_documents_its_options_and_they_round_trip(offer):
    cls = registry.load(offer).Options
    undocumented = {f.name for f in dataclasses.fields(cls)} - set(options.help_lines(cls))
    assert not undocumented
    made = options.resolve(cls, {}, "part")
    assert (
        options.resolve(cls, OmegaConf.to_container(OmegaConf.create(OmegaConf.to_yaml(OmegaConf.create(options.as_dict(made))))), "part")
        == made
    )
    assert offer.part.summary
