"""Where real things come from: tables, texts and vectors, from files and from packages."""

__all__: list[str] = []
