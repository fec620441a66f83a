"""The papers' figures, redrawn with the published numbers beside ours."""

from attncap.papers.figure import PAPERS, Drawing, Figure, Reproduced, Reproduction, figures, reproduce

__all__ = ["PAPERS", "Drawing", "Figure", "Reproduced", "Reproduction", "figures", "reproduce"]
