"""One Triton worker per device behind shared ports: launch, keep alive, watch.

Importing this package loads nothing heavy; the supervising process never opens Triton or CUDA.
"""
