"""The attention-only transformer: Dana, Pydi and Chevaleyre, and what this project measured of it."""

from sympy import Eq, Min, Piecewise, floor

from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.letters import DH, ENCODER, NORM, RATIO, RHO, SLACK, UNCOVERED, C, D, H, N, Q, S, T
from attncap.bounds.source import AISTATS, Source

SOURCES = (
    Source(
        key="dana2025",
        authors="Dana, Léo and Pydi, Muni Sreenivas and Chevaleyre, Yann",
        title="Memorization in Attention-only Transformers",
        venue=AISTATS,
        year=2025,
        arxiv="2411.10115",
    ),
)

AOT = "one-layer attention-only transformer with a skip connection, token sequences to next token"
PLANE = Assumption("d >= 2 (one dimension separates two tokens only)", D >= 2)
NARROW = Assumption("d_h <= d", DH <= D)

theorem = H * DH + D
rank = Piecewise((0, Eq(S, 1)), (Min(DH, D, RHO - 1), True))
corrected = H * rank + Min(D, Q)

BOUNDS = (
    Bound(
        id="dana2025",
        sources=("dana2025",),
        where="Theorem 1, Corollary 1",
        setting=AOT,
        labels="next token (argmax)",
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=theorem,
        architecture="aot",
        assumptions=(PLANE, NARROW),
        note="as published; the count that was measured is `corrected` (smaller if S = 1, d > N or d >= N+S-1)",
    ),
    Bound(
        id="corrected",
        sources=("attncap", "dana2025"),
        where="measured rank of the attention features, equal in 12 of 12 random configurations",
        setting=AOT,
        labels="next token (argmax)",
        direction="lower",
        exactness="exact",
        evidence="measured",
        formula=corrected,
        architecture="aot",
        assumptions=(PLANE, NARROW, Assumption("generic weights")),
        note="depends on the data: rank and last tokens of the sequences in use, all N+S-1 and N by default",
    ),
    Bound(
        id="margin",
        sources=("attncap",),
        where="margin mode, random labels, time-limited",
        setting=AOT,
        labels="next token (argmax)",
        direction="empirical",
        exactness="empirical",
        evidence="measured",
        formula=floor(RATIO * corrected),
        architecture="aot",
        assumptions=(PLANE, NARROW, Assumption("N >= 2", N >= 2), Assumption("S >= 2", S >= 2)),
        note="r: measured at N = 2, 10, 50, 1000 and d = 2, 10, 64; the smallest of the cells around a shape",
    ),
    Bound(
        id="dana2025-accuracy",
        sources=("dana2025",),
        where="Corollary 2",
        setting=AOT,
        labels="next token (argmax)",
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=1 / N + (1 - 1 / N) * Min(1, theorem / T),
        architecture="aot",
        unit="accuracy",
        assumptions=(PLANE, NARROW, Assumption("uniform prior over T sequences, all N^S by default")),
    ),
    Bound(
        id="dana2025-divergence-upper",
        sources=("dana2025",),
        where="Theorem 1",
        setting=AOT,
        labels="next-token distribution",
        direction="upper",
        exactness="exact",
        evidence="text",
        formula=ENCODER + C * UNCOVERED * NORM + SLACK,
        architecture="aot",
        unit="nats",
        assumptions=(
            NARROW,
            Assumption("H d_h + d >= T sequences of probability 1 - epsilon, all N^S by default", theorem >= T),
        ),
        note="C = sqrt(1 + |(P1 V P1^T)^-1|^2) follows from the data; any slack > 0",
    ),
    Bound(
        id="dana2025-divergence-lower",
        sources=("dana2025",),
        where="Propositions 1 and 2",
        setting="any transformer that ends in a d x N unembedding",
        labels="next-token distribution",
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=ENCODER,
        unit="nats",
        assumptions=(Assumption("d < N-1 (else a rank-d encoder represents every distribution)", D < N - 1),),
    ),
)
