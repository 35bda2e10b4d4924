"""Suggestions from what was trained: in Python, in bundles, over HTTP and in a browser."""
