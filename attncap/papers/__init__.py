"""The papers' figures, redrawn with the published numbers beside ours."""

from attncap.papers.figure import PAPERS, Drawing, Figure, Reproduced, Reproduction, check_scale, figures, reproduce

__all__ = ["PAPERS", "Drawing", "Figure", "Reproduced", "Reproduction", "check_scale", "figures", "reproduce"]
