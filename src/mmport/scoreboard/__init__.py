"""The scoreboard's parts: what a run comes to, why, what is kept of it, and its page."""
