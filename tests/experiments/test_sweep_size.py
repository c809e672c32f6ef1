"""A sweep too large to be meant is refused at once."""

import time

import pytest

from invsound import UsageError
from invsound.experiments.sweep import plan


def test_a_sweep_of_a_hundred_million_runs_is_refused_at_once():
    start = time.process_time()
    with pytest.raises(UsageError, match="has 100,000,000 runs"):
        plan({"grid": {f"train.x{k}": list(range(100)) for k in range(4)}, "seeds": [0]})
    assert time.process_time() - start < 1
