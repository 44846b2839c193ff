"""The families of tasks: a file per area, a constant per family."""
