"""Classifiers of hashtags and of authors, retrained every few weeks on recent posts."""
