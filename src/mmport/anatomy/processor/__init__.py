"""How a processor takes items."""
