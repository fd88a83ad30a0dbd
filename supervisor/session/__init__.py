"""One run of the supervisor.

from settings to an exit code, and over an upgrade of its own program.
"""
