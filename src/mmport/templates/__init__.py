"""The templates of a port, by era, and how values get into them safely."""
