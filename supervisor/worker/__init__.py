"""The worker process, and the health of the models in it.

Loads the core; imports nothing of the supervisor.
"""
