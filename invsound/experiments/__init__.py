"""Many runs: sweeps, and what their results say side by side."""
