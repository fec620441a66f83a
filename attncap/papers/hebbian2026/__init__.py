"""MLPs are Hebbians: constructing efficient fact-storing MLPs (arXiv 2607.10034), attention beside them."""

__all__: list[str] = []
