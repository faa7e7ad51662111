"""What a Python file uses of vLLM: its imports, classes and calls, in the eyes of a release."""
