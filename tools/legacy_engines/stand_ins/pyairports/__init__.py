"""Stands for pyairports, of which the index holds an empty shell."""
