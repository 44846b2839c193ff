"""Floor 3: from Conversations to batches, in numpy."""
