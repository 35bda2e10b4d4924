"""Commands on whole runs: train, score again, refit, compare, report."""
