"""Atlas: a small world with known truth, the plain text that tells of it, and tasks about it."""
