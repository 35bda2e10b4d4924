"""From a post to its candidate hashtags and their features: the table that a ranker reads."""
