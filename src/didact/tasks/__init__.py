"""Floor 1: where examples come from."""
