"""Floor 5: unseen tasks, base against tuned, with intervals."""
