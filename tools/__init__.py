"""Programs that maintain this repository; none is part of mmport."""
