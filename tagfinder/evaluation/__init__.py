"""Metrics, statistics and the evaluator; knows scores and labels, not who made them."""
