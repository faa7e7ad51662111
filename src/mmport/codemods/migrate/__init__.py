"""Brings model files from one release of vLLM to another: one codemod a change, one file each."""
