"""What the training loop asks for when attention layers memorize labelled examples."""

__all__: list[str] = []
