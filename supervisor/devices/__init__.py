"""Which GPUs there are, whether they are sound, and which CPUs are near them."""
