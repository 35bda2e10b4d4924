"""Trackers of runs: what a run tells them, and how it ends there."""
