"""Guards: one per framework. Each turns its framework's request into ours, and our errors into answers."""
