"""What the supervisor asks of the operating system: processes, signals, memory files, output.

Knows nothing of Triton.
"""
