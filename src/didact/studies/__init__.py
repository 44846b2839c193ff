"""Floor 7: what several numbers say together: the report page."""
