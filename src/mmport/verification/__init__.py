"""The referee: compares what the two sides' workers measured."""
