"""didact turns a base language model into one that follows instructions, and proves it on tasks it has never seen."""

__version__ = "0.1.0"
