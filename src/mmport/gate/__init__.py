"""The gate: is a port as it was generated or accepted, and proven as it is?"""
