"""Posts from the networks, as raw Parquet."""
