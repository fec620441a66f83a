"""One multi-head attention layer with real labels: Mahdavi, Liao and Thrampoulidis."""

from sympy import Min, floor

from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.letters import DH, DOUT, D, H, M, S
from attncap.bounds.source import ICLR, Source

SOURCES = (
    Source(
        key="mahdavi2024",
        authors="Mahdavi, Sadegh and Liao, Renjie and Thrampoulidis, Christos",
        title="Memorization Capacity of Multi-Head Attention in Transformers",
        venue=ICLR,
        year=2024,
        arxiv="2306.02010",
    ),
)

MHA = "one multi-head attention layer, no skip connection, real labels"
KRUSKAL = Assumption("queries of Kruskal rank >= n (A1)")
CONTEXT = Assumption("n <= d and contexts of rank n (A2)", D >= S)

BOUNDS = (
    Bound(
        id="mahdavi2024",
        sources=("mahdavi2024",),
        where="Theorem 1",
        setting=MHA,
        labels="real vectors",
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=H * (Min(S, DH) - 1) + 1,
        architecture="mha",
        assumptions=(CONTEXT, KRUSKAL),
    ),
    Bound(
        id="mahdavi2024-shared",
        sources=("mahdavi2024",),
        where="rank of the attention features",
        setting=f"{MHA}, fixed scores, one context for all examples",
        labels="real vectors",
        direction="upper",
        exactness="exact",
        evidence="text",
        formula=H * (S - 1) + 1,
        architecture="mha",
        assumptions=(CONTEXT, Assumption("every example has the same context")),
        note="Theorem 1 is tight here if d_h >= n",
    ),
    Bound(
        id="features",
        sources=("attncap", "mahdavi2024"),
        where="measured rank of the features of random scores; no other W_O does better",
        setting=f"{MHA}, fixed random scores, distinct contexts",
        labels="real vectors",
        direction="sharp",
        exactness="exact",
        evidence="measured",
        formula=H * D,
        architecture="mha",
        assumptions=(Assumption("n >= 2", S >= 2), Assumption("fixed generic scores, distinct contexts")),
        note="Theorem 1 asks less of the contexts and holds less",
    ),
    Bound(
        id="mahdavi2024-relu",
        sources=("mahdavi2024",),
        where="Proposition 4",
        setting="two-layer ReLU network on queries of n dimensions beside one shared context",
        labels="real vectors",
        direction="upper",
        exactness="exact",
        evidence="secondary",
        formula=floor((S + 1) * M / DOUT) + M + 1,
        architecture="net2",
        assumptions=(CONTEXT, KRUSKAL),
        note="agrees with counting: T d_out equations, m(n+1) + d_out(m+1) free weights",
    ),
)
