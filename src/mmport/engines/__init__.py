"""The Pythons that hold an engine: finding them, and running workers in them."""
