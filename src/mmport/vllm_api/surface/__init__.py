"""What every vLLM release offers by name: modules, classes, methods, signatures, as data."""
