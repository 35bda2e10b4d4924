"""A recommender's knowledge of posts that keeps growing: what was used when, by whom, with what."""
