"""Bounds: stated where an option is declared, checked in one place, printed in its help."""

import dataclasses
import math

import pytest

import invsound
from invsound import UsageError
from invsound.hooks import options
from invsound.hooks.bounds import Bounds, bounds, fault
from invsound.runs import config


@dataclasses.dataclass
class Options:
    """Options."""

    count: int = invsound.option(3, low=1, high=10)
    rate: float | None = invsound.option(None, above=0, high=1e5, unit="Hz")
    either: int | str = invsound.option("all", low=0, choices=("all",))
    sizes: list[int] = invsound.option([4, 8], low=2)
    plain: float = 1.0
    endless: float = math.inf
    table: dict[str, float] = dataclasses.field(default_factory=dict)
    flag: bool = False
    text: str = "a"


@dataclasses.dataclass
class Other(Options):
    count: int = 5


def made(cls=Options, **given):
    return options.resolve(cls, given, "bell")


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("count", 0, "bell: option count takes an int, 1 to 10, got 0. The default is 3."),
        ("rate", 0.0, "above 0 and at most 100000 Hz, got 0.0"),
        ("rate", math.nan, "above 0 and at most 100000 Hz, got nan"),
        ("rate", 10**400, "got 1000"),
        ("either", "al", "'all' or at least 0, got 'al'. Did you mean 'all'?"),
        ("either", -1, "'all' or at least 0, got -1"),
        ("sizes", [4, 1], r"at least 2, got \[4, 1\]"),
        ("plain", math.inf, "finite, got inf"),
        ("endless", math.nan, "finite, got nan"),
        ("table", {"a": math.nan}, "finite"),
        ("table", [1], "dict"),
        ("flag", 10**12, "takes a bool"),
        ("text", True, "takes a str, got True"),
        ("text", "a\0b", "without NUL"),
    ],
)
def test_what_is_out_of_bounds_is_refused_with_name_value_and_bounds(name, wrong, said):
    with pytest.raises(UsageError, match=said):
        made(**{name: wrong})


def test_what_is_within_bounds_is_taken():
    taken = made(count=10, rate=44100, either=0, sizes=[2], plain=-1e308, endless=math.inf, table={"a": 1})
    assert (taken.count, taken.rate, taken.either, taken.sizes, taken.plain, taken.endless) == (10, 44100.0, 0, [2], -1e308, math.inf)
    assert made().sizes is not made().sizes


def test_a_subclass_that_changes_a_default_keeps_the_bounds():
    assert bounds(Other, "count") == bounds(Options, "count") == Bounds(low=1, high=10)
    assert made(Other).count == 5
    with pytest.raises(UsageError, match="1 to 10"):
        made(Other, count=11)


def test_a_dataclass_made_by_hand_may_check_itself():
    with pytest.raises(ValueError, match="sample_rate is above 0 and at most 1000000 Hz, got nan"):
        invsound.Signal(math.nan, 10)
    with pytest.raises(ValueError, match="num_samples is 1 to 16777216 samples"):
        invsound.Signal(8000, 10**12)


@pytest.mark.parametrize("field", dataclasses.fields(Options), ids=lambda field: field.name)
def test_a_default_is_what_its_author_wants(field):
    assert fault(Options, field, getattr(Options(), field.name)) == ""


@pytest.mark.parametrize("given", [3, [], "", False, 0, None])
@pytest.mark.parametrize("group", ["train", "problem", "feature", "parts"])
def test_a_group_given_as_a_value_is_an_error(group, given, tiny):
    with pytest.raises(UsageError, match=rf"{group} is a group of options"):
        config.resolve({"parts": {"synth": tiny, "feature": "mss"}} if group != "parts" else {}, {group: given})


def test_a_group_and_a_value_of_one_name_do_not_hide_each_other():
    for pairs in (["train=3", "train.epochs=2"], ["train.epochs=2", "train=3"]):
        with pytest.raises(UsageError, match="train is a group of options, got 3"):
            options.from_overrides(pairs)


@pytest.mark.parametrize("pretrain", [[], "", False, 0])
def test_pretrain_is_a_group(pretrain, tiny):
    with pytest.raises(UsageError, match=r"train\.pretrain is a group"):
        config.resolve({"parts": {"synth": tiny, "feature": "mss"}, "train": {"pretrain": pretrain}})


@pytest.mark.parametrize("name", [False, True, 0, "", [], 1.5])
@pytest.mark.parametrize("kind", config.PARTS)
def test_a_part_has_a_name(kind, name, tiny):
    with pytest.raises(UsageError, match=rf"Which {kind}\? .* is no name|No {kind} named"):
        config.resolve({"parts": {"synth": tiny, "feature": "mss", kind: name}})


def test_keys_of_yaml_that_are_no_text_are_named(tmp_path, tiny):
    keys = {"1: 2": "no option '1'", "train: {1: 2}": "no option '1'", "true: 3": "no option 'True'", "null: 3": "no option 'None'"}
    for text, said in keys.items():
        (tmp_path / "wrong.yaml").write_text(text)
        with pytest.raises(UsageError, match=said):
            config.resolve({"parts": {"synth": tiny, "feature": "mss"}}, options.from_file(tmp_path / "wrong.yaml"))


def test_help_prints_bounds(invsound):
    assert "loss.scale='auto' (float | str, 'auto' or above 0 and at most 1e+30): " in invsound("list-plugins", "pnp").stdout
