"""Floor 4: torch and transformers begin here."""
