"""Parts of a training run beside the model: exact checkpoints, history and curves."""
