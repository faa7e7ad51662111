"""Jobs that take several of the parts below."""
