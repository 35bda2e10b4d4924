"""What a training run needs beside the model: checkpoints that resume exactly, and curves."""
