"""What the supervisor and its workers ask of the operating system, which no other folder calls but
for sockets. Knows nothing of Triton.
"""
