"""Floor 8: what a user types."""
