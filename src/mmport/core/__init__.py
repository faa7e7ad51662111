"""What every layer stands on: errors, files, output, JSON."""
