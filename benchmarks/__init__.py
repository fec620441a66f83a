"""Time and memory, measured side by side: ``make bench``, or one with ``python -m benchmarks NAME``."""
