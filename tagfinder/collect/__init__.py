"""Collects tagged posts from X, Mastodon and Bluesky into folders that `prepare` reads."""
