"""Compose configurations and build objects from them."""
