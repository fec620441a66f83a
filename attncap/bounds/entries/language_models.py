"""Bits per parameter of trained language models, and the limit that counting sets."""

from sympy import Float

from attncap.bounds.bound import Bound
from attncap.bounds.letters import B, P
from attncap.bounds.source import ICLR, Source

SOURCES = (
    Source(
        key="allenzhu2025",
        authors="Allen-Zhu, Zeyuan and Li, Yuanzhi",
        title="Physics of Language Models: Part 3.3, Knowledge Capacity Scaling Laws",
        venue=ICLR,
        year=2025,
        arxiv="2404.05405",
    ),
    Source(
        key="morris2025",
        authors="Morris, John X. and Sitawarin, Chawin and Guo, Chuan and Kokhlikyan, Narine and Suh, G. Edward "
        "and Rush, Alexander M. and Chaudhuri, Kamalika and Mahloujifar, Saeed",
        title="How Much Do Language Models Memorize?",
        venue="arXiv preprint",
        year=2025,
        arxiv="2505.24832",
        kind="article",
    ),
)


BOUNDS = (
    Bound(
        id="allenzhu2025",
        sources=("allenzhu2025",),
        where="abstract; 1000 exposures of a fact",
        setting="trained language model",
        labels="facts",
        direction="empirical",
        exactness="empirical",
        evidence="abstract",
        formula=2 * P,
        unit="bits",
    ),
    Bound(
        id="allenzhu2025-100",
        sources=("allenzhu2025",),
        where="100 exposures of a fact",
        setting="trained language model",
        labels="facts",
        direction="empirical",
        exactness="empirical",
        evidence="secondary",
        formula=P,
        unit="bits",
    ),
    Bound(
        id="morris2025",
        sources=("morris2025",),
        where="abstract",
        setting="trained GPT-style model",
        labels="random tokens",
        direction="empirical",
        exactness="empirical",
        evidence="text",
        formula=Float("3.6") * P,
        unit="bits",
        note="3.51 in bfloat16, 3.83 in float32",
    ),
    Bound(
        id="counting",
        sources=("attncap",),
        where="2^(b P) different models",
        setting="any model",
        labels="any",
        direction="upper",
        exactness="exact",
        evidence="elementary",
        formula=B * P,
        unit="bits",
    ),
)
