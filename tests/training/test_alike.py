"""Sounds that an encoder cannot tell apart are counted."""

import torch

from invsound.training.alike import alike


def test_rows_that_are_equal_are_counted_once_less_than_they_are():
    nu = torch.linspace(-1, 1, 5)[:, None]
    assert alike(torch.arange(10.0).reshape(5, 2), nu) == 0
    assert alike(torch.zeros(5, 2), nu) == 4
    assert alike(torch.tensor([[1.0], [2.0], [1.0], [2.0], [3.0]]), nu) == 2
    assert alike(torch.empty(0, 3), nu[:0]) == 0


def test_a_sound_that_is_there_twice_is_like_itself():
    nu = torch.tensor([[0.1], [0.1], [0.2]])
    assert alike(torch.tensor([[1.0], [1.0], [2.0]]), nu) == 0
