"""Every use of vLLM's names in a file, held against what a release offers."""
