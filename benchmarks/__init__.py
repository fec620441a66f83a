"""Time and memory, measured side by side; run them all with ``make bench`` or one with ``python -m benchmarks NAME``."""
