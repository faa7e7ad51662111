"""The steps of a rewrite, one a file."""
