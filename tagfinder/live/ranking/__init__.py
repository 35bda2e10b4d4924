"""Gradient-boosted trees that put candidate hashtags in order."""
