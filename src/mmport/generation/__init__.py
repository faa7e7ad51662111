"""From a `PortPlan` to the files of a port, its lock, and their upkeep."""
