"""What runs in an engine's environment: the standard library and the engine only.

Nothing here imports the rest of mmport. The folder is run as a program
(`PYTHON …/workers JOB.json`) and names itself the package `mmport_workers`.
"""
