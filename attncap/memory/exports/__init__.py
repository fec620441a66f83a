"""A memory for other runtimes, one format a file; what is written opens with nothing of ours installed."""

from attncap.memory.exports.formats import Exported, export

__all__ = ["Exported", "export"]
