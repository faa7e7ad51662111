"""What a run of `verify` leaves behind: JSON, a page, JUnit, and a card."""
