"""Suggestions from trained recommenders: in Python, from runs and from bundles."""
