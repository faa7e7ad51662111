"""One file for a span of releases: the codemods of a migration, as bridges."""
