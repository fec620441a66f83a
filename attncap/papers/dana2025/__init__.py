"""Dana, Pydi and Chevaleyre 2025: memorization in attention-only transformers."""

__all__: list[str] = []
