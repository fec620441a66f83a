"""One attention layer that maps every example to its label."""

__all__: list[str] = []
