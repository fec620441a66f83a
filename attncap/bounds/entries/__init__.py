"""The entries of the catalogue, a file a family: its ``SOURCES`` and its ``BOUNDS``."""

from attncap.bounds.entries import dana2025, language_models, mahdavi2024, memories, networks, transformers

# In the order in which tables show them.
FAMILIES = (dana2025, mahdavi2024, transformers, networks, memories, language_models)

__all__ = ["FAMILIES"]
