"""A matcher takes files, arrays and tensors, and says the same of them."""

import numpy as np
import pytest
import soundfile
import torch

import invsound

N = 4096


@pytest.fixture
def matcher():
    return invsound.Matcher("amfm", "mss", "lm", {"synth": {"num_samples": N}, "feature": {"n_fft": [256]}})


@pytest.mark.parametrize("layout", [np.transpose, np.ascontiguousarray, torch.tensor, np.ndarray.tolist])
def test_stereo_is_stereo_as_soundfile_reads_it_or_torchaudio(matcher, tmp_path, layout):
    t = np.arange(3 * N) / 16000
    stereo = 0.4 * np.stack([np.exp(-9 * t) * np.sin(2000 * t), np.exp(-5 * t) * np.sin(3000 * t)], 1)
    soundfile.write(tmp_path / "a.wav", stereo, 16000, subtype="DOUBLE")
    of_file = matcher.recording(tmp_path / "a.wav", None)
    of_array = matcher.recording(layout(stereo), 16000)
    assert np.array_equal(of_array.x, of_file.x)
    assert of_array.notes == of_file.notes
    assert "2 channels averaged to mono" in of_array.notes


@pytest.mark.parametrize(
    ("x", "rate"), [(np.ones((3, 3)), 8192), ([], 8192), (np.ones(10) * 1j, 8192), (np.ones(10), -1), (np.ones(10), None)]
)
def test_what_is_no_sound_is_a_usage_error(matcher, x, rate):
    with pytest.raises(invsound.UsageError, match=r"sound|sample_rate"):
        matcher(x, rate)
