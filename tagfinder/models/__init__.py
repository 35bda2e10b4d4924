"""The recommenders, each a LightningModule that gives scores for a batch."""
