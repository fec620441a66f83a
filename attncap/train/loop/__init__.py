"""The training loop: many models of one shape side by side."""

__all__: list[str] = []
