"""What the training loop asks for when transformers memorize associations."""
