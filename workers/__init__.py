"""The processes: settings, connections, the worker, deploy steps and the local stack. `python -m workers`."""
