"""Floor 2: from an Example to a Conversation, and from a Conversation to pieces of text."""
