"""Deliberately broken parts: each breaks one law, and the suite must say which. The parts named Good… break none."""
