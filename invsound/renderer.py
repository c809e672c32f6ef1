"""Synthesizers from outside: a function from named values to samples, called in processes of its own."""

from __future__ import annotations

import json
import multiprocessing
import os
import shlex
from abc import abstractmethod
from collections.abc import Callable, Mapping
from multiprocessing.connection import Connection
from typing import Any, ClassVar, TypeAlias
from weakref import WeakKeyDictionary, WeakSet, ref

import numpy as np
import torch
from torch import Tensor

from .errors import InvsoundError, NonFiniteError, reason, said
from .hooks import options
from .hooks.culprit import origin
from .hooks.registry import named, retyped
from .outside import calling, nursery
from .outside.pool import Failed, Pool
from .parameter import Parameter
from .synth import Synth
from .system.device import allowed
from .system.progress import log

Values: TypeAlias = Mapping[str, "float | int | str"]
"""name → number; whole where the parameter has whole steps; an option's name of a choice."""

FEW = 3


class Renderer(Synth):
    """A synthesizer that is a function from named values to samples: numpy, a plug-in host, another program.

    A subclass sets `space` and `signal` in its constructor, and has one method, `sound`. That is called in processes of its own, as many
    as there are CPUs, each with an instance that is made there from the same options: it may crash, hang or fail, and the one who asked
    is told of which parameters, by an InvsoundError. Laws: the same values give the same samples, bit for bit, whatever was rendered
    before, in any process; what is random takes its seed from an option; they are finite.
    """

    differentiable: ClassVar[bool] = False
    limit: float = 20.0
    """Seconds that one sound may take."""
    outside = staticmethod(calling.call)
    """What a constructor asks of strangers' code goes through it: `self.outside(function, *arguments)`."""

    def begin(self) -> None:
        """Called once in each process that renders, before its first sound: load the plug-in, compile the program."""

    @abstractmethod
    def sound(self, values: Values) -> Any:
        """name → value, within the declared bounds, → samples: an array [N] of numbers."""

    def forward(self, theta: Tensor) -> Tensor:
        """θ [B, P] → x [B, N], in order, rendered on all cores.

        Raises InvsoundError, which names the parameters, where a sound raises, crashes (twice: a process may be killed by accident),
        takes longer than `limit` or has another shape; NonFiniteError of a NaN or an infinity. In a search such a sound is silence.
        """
        rows = [self._values(row) for row in theta.detach().cpu().double()]
        x = np.empty((len(rows), self.signal.num_samples), np.float32)

        def take(index: int, answer: bytes) -> None:
            x[index] = _samples(answer, self.signal.num_samples, index)

        try:
            if nursery.inside:  # which is a process of its own already
                lost = _here(self, rows, take, self.tolerant)
            else:
                lost = _pool(self).map([json.dumps(row).encode() for row in rows], self.limit, take, self.tolerant)
        except Failed as failed:
            raise self._error(failed, rows) from None
        for one in lost:
            x[one.index] = 0
            _tell(self, self._error(one, rows))
        return torch.from_numpy(x).to(theta)

    def _values(self, theta: Tensor) -> dict[str, float | int | str]:
        inside = [min(max(value, p.low), p.high) for p, value in zip(self.space, theta.tolist(), strict=True)]  # float32 rounds beyond
        return self.space.named(theta.new_tensor(inside))

    def _error(self, failed: Failed, rows: list[dict[str, Any]]) -> InvsoundError:
        if failed.index is None:
            return InvsoundError(f"{named(self)} cannot be made in a process of its own: {failed.why.rstrip('.')}.")
        row = rows[failed.index]
        why = failed.why if failed.why != "did not end" else f"took longer than its limit of {self.limit:g} s"
        units = {p.name: f" {p.unit}" if isinstance(p, Parameter) and p.unit else "" for p in self.space}
        values = ", ".join(f"{name}={_short(value)}{units[name]}" for name, value in row.items())
        command = retyped(self)
        again = f" Hear it again: invsound render {command} {shlex.join(f'{k}={v}' for k, v in row.items())}" if command else ""
        return (NonFiniteError if "NaN" in why else InvsoundError)(f"{named(self)} {why.rstrip('.')}, at {values}.{again}")


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


_pools: WeakKeyDictionary[Renderer, Pool] = WeakKeyDictionary()
"""Of each synth its processes: no attribute of it, for it is copied and pickled without them."""
_told: WeakKeyDictionary[Renderer, int] = WeakKeyDictionary()
"""Of how many sounds of each it was told that they cannot be made."""
_begun: WeakSet[Renderer] = WeakSet()
"""Those that are rendered where they are."""


def _pool(synth: Renderer) -> Pool:
    pool = _pools.get(synth)
    if pool is None or pool.owner != os.getpid():
        recipe = [calling.address(type(synth)), options.as_dict(synth.options)]
        part, of = named(synth), ref(synth)

        def lost(how: str) -> None:
            if (here := of()) and here.tolerant and _told.get(here, 0) >= FEW:
                return
            log.warning("A process that renders for %s ended (%s): another takes its place.", part[0].lower() + part[1:], how)

        pool = _pools[synth] = Pool(_workers(), 4 * synth.signal.num_samples + 2**16, lost, f"{__name__}:work", *recipe)
    return pool


def _tell(synth: Renderer, error: InvsoundError) -> None:
    """Of the first few that cannot be made while another is searched for."""
    count = _told[synth] = _told.get(synth, 0) + 1
    if count <= FEW:
        more = " It counts as silence." if count < FEW else " It counts as silence, as will others, which are not told."
        log.warning("%s%s", error, more)


def _here(synth: Renderer, rows: list[dict[str, Any]], take: Callable[[int, bytes], None], every: bool) -> list[Failed]:
    """As `Pool.map` does it."""
    if synth not in _begun:
        synth.begin()
        _begun.add(synth)
    lost = []
    for index, row in enumerate(rows):
        try:
            take(index, _answer(synth.sound, row, synth.signal.num_samples))
        except Failed as failed:
            if not every:
                raise
            lost.append(failed)
    return lost


def _workers() -> int:
    """The cores that this process may use; one where it is itself one of several that share them."""
    if multiprocessing.parent_process() is not None:
        return 1
    return allowed()


def _samples(answer: bytes, count: int, index: int) -> np.ndarray[Any, Any]:
    """The samples of an answer. Raises Failed of any other."""
    if answer[:1] != b"x" or len(answer) != 1 + 4 * count:
        raise Failed(index, answer[1:].decode("utf-8", "replace") if answer[:1] == b"e" else "answered what is no sound")
    samples = np.frombuffer(answer, np.float32, offset=1)
    if not np.isfinite(samples).all():
        raise Failed(index, "gave a NaN or an infinity")
    return samples


def work(connection: Connection, address: list[str], given: dict[str, Any]) -> None:
    """What a process does that renders: make the synth, and answer values with samples."""
    try:
        cls = calling.found(address)
        synth: Renderer = cls(options.resolve(cls.Options, given, cls.__name__))
        synth.begin()
    except BaseException as error:
        return connection.send_bytes(f"{reason(error)}{origin(error)}".encode())
    connection.send_bytes(b"ready")
    while True:
        try:
            values = json.loads(connection.recv_bytes())
        except (EOFError, OSError):  # nobody asks any more
            os._exit(0)
        connection.send_bytes(_answer(synth.sound, values, synth.signal.num_samples))


def _answer(sound: Callable[[Values], Any], values: dict[str, Any], count: int) -> bytes:
    try:
        with torch.no_grad():
            samples = np.asarray(sound(values))
        if samples.shape != (count,) or samples.dtype.kind not in "fiu":
            return f"egave {samples.dtype} of shape {list(samples.shape)}, not {count} numbers".encode()
        with np.errstate(over="ignore"):
            return b"x" + samples.astype("<f4").tobytes()
    except BaseException as error:
        return f"efailed. {type(error).__name__}{origin(error)}: {said(error)}".encode()
