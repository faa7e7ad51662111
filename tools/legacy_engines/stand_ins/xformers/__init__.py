"""Stands for xformers, whose kernels are for the GPU."""
