"""Names and shapes of weights on both sides, and the map between them."""
