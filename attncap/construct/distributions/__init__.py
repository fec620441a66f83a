"""Encoders and explicit weights whose next-token distributions are near to given ones."""

__all__: list[str] = []
