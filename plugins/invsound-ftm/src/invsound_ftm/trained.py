"""Trained encoders that come with the drums; examples/pretrained and examples/recorded say how they were made."""

from pathlib import Path

ftm_drum = Path(__file__).parent / "data" / "ftm-drum"
drum_recorded = Path(__file__).parent / "data" / "drum-recorded"
