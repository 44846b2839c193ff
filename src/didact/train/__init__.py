"""Floor 5: the weighted loss, documents kept apart, and the one training loop."""
