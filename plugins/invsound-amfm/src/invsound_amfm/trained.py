"""Trained encoders that come with the arpeggiator; examples/pretrained says how they were made."""

from pathlib import Path

amfm_chirp = Path(__file__).parent / "data" / "amfm-chirp"
