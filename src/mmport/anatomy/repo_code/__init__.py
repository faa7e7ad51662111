"""A hub repo's own code, read and cut without running it."""
