"""Floor 0: plain Python that everything stands on. No torch, no network."""
