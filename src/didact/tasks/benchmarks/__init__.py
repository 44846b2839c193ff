"""Public benchmarks as tasks: what their rows mean, how they are judged, and rows of our own that look like theirs."""
