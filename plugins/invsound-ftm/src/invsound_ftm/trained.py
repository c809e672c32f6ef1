"""Trained encoders that come with the drum; examples/pretrained says how they were made."""

from pathlib import Path

ftm_drum = Path(__file__).parent / "data" / "ftm-drum"
