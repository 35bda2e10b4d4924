"""Files of a run: its folder, manifest, lock and checkpoints."""
