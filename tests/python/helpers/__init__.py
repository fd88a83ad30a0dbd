"""What the Python tests and the benchmarks share: model repositories, ports, clients."""
