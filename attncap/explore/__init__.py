"""The explorer: a page on this machine that shows what a shape could hold, memorizes a table and lets one ask it."""

from attncap.explore.page import write_static
from attncap.explore.server import serve

__all__ = ["serve", "write_static"]
