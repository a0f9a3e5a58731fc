"""The embedded operation: a small moderation operation whose labels and causes are known exactly."""
