"""Many runs at once: grids by Hydra, searches by Optuna, one folder and one row for each run."""
