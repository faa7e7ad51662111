"""Mutants: one small, known fault each, put into a right implementation and taken out again.

A module here holds the operators of one group. An operator is a generator that
finds, in whatever model is loaded, every place that its kind of fault can have,
by the types and shapes of modules and never by the name of a model.
"""
