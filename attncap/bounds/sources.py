"""The literature that bounds and methods rest on: each family's beside its bounds, the rest here."""

from attncap.bounds.entries import FAMILIES
from attncap.bounds.source import Source

GENERAL = (
    Source(
        key="attncap",
        authors="{attncap developers}",
        title="attncap: how much can attention memorize?",
        venue="Python package",
        year=2026,
        kind="misc",
    ),
    Source(
        key="liao2025",
        authors="Liao, Zhenyu and Liu, Jiaqing and Hou, TianQi and Zou, Difan and Ling, Zenan",
        title="A Random Matrix Analysis of In-context Memorization for Nonlinear Attention",
        venue="arXiv preprint",
        year=2025,
        arxiv="2506.18656",
        kind="article",
    ),
)

SOURCES = {source.key: source for sources in (GENERAL, *(f.SOURCES for f in FAMILIES)) for source in sources}
