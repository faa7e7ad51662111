"""What outlines reads of pyairports: a list that it makes a pattern from."""

AIRPORT_LIST: list[tuple[str, ...]] = []
