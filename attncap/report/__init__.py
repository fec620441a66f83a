"""One self-contained page about a memory: what it holds, in which shape, and every fact with the model's answer."""

from attncap.report.audit_page import write_audit
from attncap.report.page import write

__all__ = ["write", "write_audit"]
