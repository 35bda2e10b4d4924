"""Trackers of runs: Weights & Biases, TensorBoard and CSV."""
