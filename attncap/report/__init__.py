"""One self-contained page about any directory of results: what it holds, how sure that is, and what it costs."""

from attncap.report.audits import write_audit
from attncap.report.page import write

__all__ = ["write", "write_audit"]
