"""What the machine gives: files, stored tensors, processes, devices, randomness, progress."""
