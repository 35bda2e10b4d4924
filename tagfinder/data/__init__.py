"""Batches of a prepared corpus for a Lightning trainer."""
