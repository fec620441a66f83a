"""One multi-head attention layer with real labels: Mahdavi, Liao and Thrampoulidis."""

from sympy import Min, floor

from attncap.bounds import labels
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
MEANS = Assumption("queries plus their contexts' means of Kruskal rank >= n (A3)")
SHARED = Assumption("every example has the same context")

# Rank of a head's score differences as functions of the query.
inner = Min(DH, S - 1)

BOUNDS = (
    Bound(
        id="mahdavi2024",
        sources=("mahdavi2024",),
        where="Theorem 1",
        setting=MHA,
        labels=labels.REAL,
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=H * (Min(S, DH) - 1) + 1,
        architecture="mha",
        assumptions=(CONTEXT, KRUSKAL),
    ),
    Bound(
        id="mahdavi2024-two-layers",
        sources=("mahdavi2024",),
        where="Proposition 5: a first layer adds the context's mean to every vector",
        setting="two attention layers, the first uniform with a skip connection, real labels",
        labels=labels.REAL,
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=H * (Min(S, DH) - 1) + 1,
        architecture="mha",
        assumptions=(CONTEXT, MEANS),
        note="the count of `mahdavi2024` for queries that may all be equal; the first layer has no free parameter",
    ),
    Bound(
        id="mahdavi2024-shared",
        sources=("mahdavi2024",),
        where="rank of the attention features at fixed W_Q, W_K",
        setting=f"{MHA}, fixed scores, one context for all examples",
        labels=labels.REAL,
        direction="upper",
        exactness="exact",
        evidence="text",
        formula=H * (S - 1) + 1,
        architecture="mha",
        assumptions=(CONTEXT, SHARED, Assumption("W_Q and W_K fixed before the labels")),
        note="Theorem 1 is tight here if d_h >= n; fitting W_Q and W_K passes it: see `mahdavi2024-dimension`",
    ),
    Bound(
        id="mahdavi2024-dimension",
        sources=("attncap", "mahdavi2024"),
        where="numbers that the outputs depend on: a head's score differences and their readouts",
        setting=f"{MHA}, all weights fitted, one context for all examples",
        labels=labels.REAL,
        direction="upper",
        exactness="exact",
        evidence="derived",
        formula=1 + floor(H * (S - 1 + inner * (S - 1 + D - inner) / DOUT)),
        architecture="mha",
        assumptions=(CONTEXT, SHARED, Assumption("arbitrary labels, every one to be met")),
        note="H (n-1) (d+1) + 1 at one output and d_h >= n-1; least squares from random starts reached 8/11 to 19/21",
    ),
    Bound(
        id="features",
        sources=("attncap", "mahdavi2024"),
        where="measured rank of the features of random scores; no other W_O does better",
        setting=f"{MHA}, fixed random scores, distinct contexts",
        labels=labels.REAL,
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
        labels=labels.REAL,
        direction="upper",
        exactness="exact",
        evidence="secondary",
        formula=floor((S + 1) * M / DOUT) + M + 1,
        architecture="net2",
        assumptions=(CONTEXT, KRUSKAL),
        note="agrees with counting: T d_out equations, m(n+1) + d_out(m+1) free weights",
    ),
)
