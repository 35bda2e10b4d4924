"""Counts of posts, hashtags and authors, kept true as posts are taught and forgotten."""
