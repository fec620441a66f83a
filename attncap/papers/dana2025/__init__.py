"""Dana, Pydi and Chevaleyre 2025: memorization in attention-only transformers."""
