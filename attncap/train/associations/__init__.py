"""What the training loop asks for when transformers memorize associations."""

__all__: list[str] = []
