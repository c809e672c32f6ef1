"""What the studio asks of invsound: only what a script can ask, too."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import soundfile
import torch

import invsound

from . import runs

PEAKS, LONGEST, EVERY = 600, 600.0, 0.2
"""Points of a waveform; seconds of sound that are looked at; seconds between news of a search."""
Target: TypeAlias = "tuple[torch.Tensor, torch.Tensor, list[str]]"
"""x [N], what of it is compared, w [N], and notes."""
KEPT = 3
"""Instruments, and recordings as they are heard, that are kept ready."""


class Recent(OrderedDict[str, Any]):
    """The last few of what was made, by what it was made from."""

    def of(self, key: str, make: Any) -> Any:
        if key not in self:
            self[key] = make()
            while len(self) > KEPT:
                self.popitem(last=False)
        self.move_to_end(key)
        return self[key]


class Tasks:
    """Called by name. A setting is {synth, feature, solver, lines}; a target {path, begin, end, name} or {samples}, a file of float32."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.matchers, self.heard, self.stopped = Recent(), Recent(), ""

    def __call__(self, what: str, news: Callable[[Any], None], given: dict[str, Any]) -> Any:
        named = {"look": self.look, "bench": self.bench, "hear": self.hear, "render": self.render, "measure": self.measure}
        named |= {"guess": self.guess, "preset": self.preset, "run": self.run}
        if what == "search":
            return self.search(news, **given)
        return named[what](**given)

    def _matcher(self, setting: dict[str, Any], *more: str, jobs: int = 1) -> invsound.Matcher:
        lines = [*setting["lines"], *more]
        names = setting["synth"], setting["feature"], setting["solver"] or None
        return self.matchers.of(json.dumps([names, lines]), lambda: invsound.Matcher(*names, of=lines, jobs=jobs, quiet=True))

    def look(self, path: str, name: str) -> dict[str, Any]:
        """The waveform of a file: least and greatest sample of each of some stretches."""
        try:
            with soundfile.SoundFile(path) as file:
                frames = min(file.frames, int(LONGEST * file.samplerate))
                blocks = file.blocks(max(1, -(-frames // PEAKS)), frames=frames, dtype="float32", always_2d=True)
                peaks = [[float(block.min()), float(block.max())] for block in blocks]
                seconds = frames / file.samplerate
        except (soundfile.SoundFileError, RuntimeError, TypeError, ValueError) as error:
            raise invsound.UsageError(f"{name} is not a sound file, or is damaged. Give WAV, FLAC, OGG, AIFF or MP3.") from error
        if not peaks:
            raise invsound.UsageError(f"{name} is empty: it has a header and no samples. Record or export it again.")
        return {"seconds": seconds, "peaks": peaks}

    def bench(self, setting: dict[str, Any]) -> dict[str, Any]:
        """What the parameters and the options of a setting are."""
        matcher = self._matcher(setting)
        space, signal = matcher.synth.space, matcher.synth.signal
        options = {"synth": matcher.synth.options, "feature": matcher.problem.feature.options}
        return {
            "space": [p.as_dict() for p in space], "middle": space.named(space.values({})),
            "preset": matcher.synth.preset_suffix, "sample_rate": signal.sample_rate, "num_samples": signal.num_samples,
            "options": [row for group, made in options.items() for row in _lines(group, made)],
        }  # fmt: skip

    def run(self, path: str) -> dict[str, Any]:
        """A run folder: its setting, of options those that are not as they come, what that is, and files of sounds that it keeps."""
        setting = runs.setting(path)
        setting["lines"] = self._matcher(setting).lines
        return {"setting": setting, "bench": self.bench(setting), "sounds": runs.sounds(path)}

    def hear(self, setting: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
        """The sound as it is compared, and what was done to it."""
        x, window, notes = self._target(self._matcher(setting), target)
        return {"x": _sent(x * window), "notes": notes}

    def _target(self, matcher: invsound.Matcher, target: dict[str, Any]) -> Target:
        if "samples" in target:
            x = torch.from_numpy(np.fromfile(target["samples"], np.float32))
            return x, invsound.until(target["end"], len(x), matcher.synth.signal.sample_rate), []
        key = json.dumps([id(matcher), target])
        return self.heard.of(key, lambda: _recording(matcher, target))  # type: ignore[no-any-return]

    @torch.no_grad()
    def _rendered(self, matcher: invsound.Matcher, values: dict[str, Any]) -> torch.Tensor:
        space = matcher.synth.space
        x = matcher.problem.render(space.to_nu(space.values(values))[None].float())[0]
        if not x.isfinite().all():
            raise invsound.NonFiniteError("The synthesizer gives a NaN or an infinity at these parameters. Turn a knob.")
        return x

    def render(self, setting: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
        """The sound of these parameters."""
        return {"x": _sent(self._rendered(self._matcher(setting), values))}

    def preset(self, setting: dict[str, Any], values: dict[str, Any], name: str) -> dict[str, Any]:
        """A file of the synthesizer's own."""
        synth = self._matcher(setting).synth
        file = synth.preset_file(synth.space.named(synth.space.values(values)), name)
        return {"file": base64.b64encode(file).decode()}

    @torch.no_grad()
    def measure(self, setting: dict[str, Any], values: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
        """How far it is from the target."""
        matcher = self._matcher(setting)
        x, window, _ = self._target(matcher, target)
        S = self.heard.of(json.dumps(["S", setting, target]), lambda: matcher.represent((x * window if "path" in target else x)[None]))
        return {"distance": float((matcher.represent((self._rendered(matcher, values) * window)[None]) - S).norm())}

    @torch.no_grad()
    def guess(self, setting: dict[str, Any], target: dict[str, Any], encoder: str, name: str) -> dict[str, Any]:
        """What whoever can listen says at once, nearest first."""
        matcher = self._matcher(setting, *([f"match.encoder={json.dumps(encoder)}"] if encoder else []))
        space, (x, window, _) = matcher.synth.space, self._target(matcher, target)
        S, found = matcher.represent((x * window)[None]), []
        guesses = matcher.guesses(x)
        for k, nu in enumerate(guesses):
            who = name if encoder and k == len(guesses) - 1 else setting["synth"]
            distance = float((matcher.represent(matcher.problem.render(nu[None]) * window) - S).norm())
            found.append({"who": who, "distance": distance, "parameters": space.named(space.clipped(nu))})
        return {"answers": sorted(found, key=lambda one: one["distance"])}

    def search(self, news: Callable[[Any], None], *, setting: Any, target: Any, lines: list[str], search: str, jobs: int) -> Any:
        """A match; `stop` with the name of the search ends it."""
        matcher, last = self._matcher(setting, *lines, jobs=jobs), 0.0

        def watch(nearest: invsound.Nearest) -> bool:
            nonlocal last
            if nearest.seconds >= last + EVERY:
                last = nearest.seconds
                news(dataclasses.asdict(nearest))
            return self.stopped == search

        x, rate = (target["path"], None) if target["end"] is None and not target["begin"] else _samples(target)
        try:
            found = matcher(x, rate, watch)
        except invsound.UsageError as error:
            raise invsound.UsageError(_of(error, target)) from error
        whole = matcher.recording(x, rate).end is None
        end = None if whole else int(found.x.nonzero().max()) + 1
        return found.as_dict() | {"name": target["name"], "x": _sent(found.x), "end": end}


def _lines(group: str, made: Any) -> list[dict[str, str]]:
    """The options of a part: key, value and what it is."""
    texts = dict(line.strip().partition(": ")[::2] for base in type(made).__mro__[-2::-1] for line in (base.__doc__ or "").splitlines())
    values = dataclasses.asdict(made)
    return [{"key": f"{group}.{key}", "value": json.dumps(value), "help": texts.get(key, "")} for key, value in values.items()]


def _recording(matcher: invsound.Matcher, target: dict[str, Any]) -> Target:
    try:
        whole = target["end"] is None and not target["begin"]
        heard = matcher.recording(target["path"]) if whole else matcher.recording(*_samples(target))
    except invsound.UsageError as error:
        raise invsound.UsageError(_of(error, target)) from error
    return heard.x, invsound.until(heard.end, len(heard.x), matcher.synth.signal.sample_rate), heard.notes


def _samples(target: dict[str, Any]) -> tuple[np.ndarray, int]:
    """What is between the ends of a target, in seconds."""
    with soundfile.SoundFile(target["path"]) as file:
        begin, end = (round(float(time) * file.samplerate) for time in (target["begin"], target["end"] or LONGEST))
        file.seek(min(max(begin, 0), file.frames))
        x = file.read(min(max(end - begin, 0), int(LONGEST * file.samplerate)), dtype="float32", always_2d=True)
        return x, file.samplerate


def _of(error: Exception, target: dict[str, Any]) -> str:
    """What it says, of the name that the sound has for who sent it."""
    return str(error).replace(target["path"], target["name"])


def _sent(x: torch.Tensor) -> str:
    return base64.b64encode(np.asarray(x, dtype="<f4").tobytes()).decode()
