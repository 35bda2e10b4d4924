"""From raw posts to a prepared multi-label corpus."""
