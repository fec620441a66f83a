"""The attention-only transformer: Dana, Pydi and Chevaleyre, and what this project measured of it."""

from sympy import Eq, Float, Min, Piecewise, floor, log

from attncap.bounds import labels
from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.letters import DH, ENCODER, NORM, RHO, SLACK, UNCOVERED, A, C, D, H, N, Q, S, T
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

# Margin mode holds so many bits in each number of its readout: B (F x k) and the unembedding (A - 1 rows of k), less
# the k^2 that a change of basis takes. Fitted to margin_law.csv, whose shapes are the range.
BITS_PER_NUMBER = Float("2.05")
width = Min(D, A - 1)
readout = width * (corrected + A - 1 - width)
law = BITS_PER_NUMBER * readout * log(2) / log(A)
MOST = 1650

# Method joint holds so many bits in each degree of freedom of the parameters in use: rows of the tokens that are read
# and answered, positions, and 4 d a head of one dimension, less changes of basis, shifts, and two scales a head.
# Fitted to joint_law.csv, whose shapes are the range.
BITS_PER_DEGREE = Float("2.97")
MOST_JOINT = 1990
in_use = D * (RHO + 1 + A + 4 * H)
joint = BITS_PER_DEGREE * (in_use - D**2 - 2 * D - 2 * H) * log(2) / log(A)

BOUNDS = (
    Bound(
        id="dana2025",
        sources=("dana2025",),
        where="Theorem 1, Corollary 1",
        setting=AOT,
        labels=labels.TOKEN,
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
        where="measured rank of the attention features (tests/test_theorem.py)",
        setting=AOT,
        labels=labels.TOKEN,
        direction="lower",
        exactness="conjectured",
        evidence="measured",
        formula=corrected,
        architecture="aot",
        assumptions=(PLANE, NARROW, Assumption("generic weights")),
        note="depends on the data: rank and last tokens of the sequences in use, all N+S-1 and N by default",
    ),
    Bound(
        id="margin",
        sources=("attncap",),
        where="margin mode, random answers: bits per free number of the readout, fitted to margin_law.csv",
        setting=AOT,
        labels=labels.TOKEN,
        direction="empirical",
        exactness="empirical",
        evidence="measured",
        formula=floor(law),
        architecture="aot",
        assumptions=(
            NARROW,
            Assumption("S >= 2", S >= 2),
            Assumption("4 <= d <= 20 (measured)", (D >= 4) & (D <= 20)),
            Assumption("2 <= A <= 720 answers (measured)", (A >= 2) & (A <= 720)),
            Assumption("H r >= 3 d (measured; fewer features fail at random)", H * rank >= 3 * D),
            Assumption(f"at most {MOST:,} associations (measured)", law < MOST + 1),
            Assumption("at most 45 % of all N^S sequences (measured)", log(law / Float("0.45")) <= S * log(N)),
        ),
        note="a measured law, no promise",
        outside="margin mode finds the heads by search where their number is not given",
    ),
    Bound(
        id="joint",
        sources=("attncap",),
        where="method joint, random answers: bits per degree of freedom, fitted to joint_law.csv",
        setting=f"{AOT}, heads of one dimension",
        labels=labels.TOKEN,
        direction="empirical",
        exactness="empirical",
        evidence="measured",
        formula=floor(joint),
        architecture="aot",
        assumptions=(
            Assumption("d_h = 1 (measured)", Eq(DH, 1)),
            Assumption("2 <= S <= 5 (measured)", (S >= 2) & (S <= 5)),
            Assumption("4 <= d <= 16 (measured)", (D >= 4) & (D <= 16)),
            Assumption("5 <= A <= 200 answers (measured)", (A >= 5) & (A <= 200)),
            Assumption("d <= H <= 11 d (measured)", (H >= D) & (H <= 11 * D)),
            Assumption("a data rank of at most 201 (measured)", RHO <= 201),
            Assumption(f"at most {MOST_JOINT:,} associations (measured)", joint < MOST_JOINT + 1),
            Assumption("at most 59 % of all N^S sequences (measured)", log(joint / Float("0.59")) <= S * log(N)),
        ),
        note="a measured law, no promise: its sweep held 0.72 to 1.07 of it; counts the parameters in use",
        outside="memorize --smallest finds the shape by search",
    ),
    Bound(
        id="dana2025-rank-1",
        sources=("dana2025",),
        where="Remark 2: W_QK of rank 1 suffices",
        setting=f"{AOT}, W_QK of rank 1",
        labels=labels.TOKEN,
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=theorem,
        architecture="aot1",
        assumptions=(PLANE, NARROW),
        note="the count of `dana2025` for d (S + 2 N + 2 (d_h + 1) H) parameters",
    ),
    Bound(
        id="dana2025-accuracy",
        sources=("dana2025",),
        where="Corollary 2",
        setting=AOT,
        labels=labels.TOKEN,
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
        labels=labels.DISTRIBUTION,
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
        note="C = sqrt(1 + 1/s^2): s, the least singular value of the stored rows of the features' orthonormal basis",
    ),
    Bound(
        id="dana2025-divergence-order",
        sources=("dana2025",),
        where="Theorem 3 with Definition 2 and Lemma 4: no full support",
        setting=AOT,
        labels=labels.DISTRIBUTION,
        direction="upper",
        exactness="order",
        evidence="text",
        formula=ENCODER + C * UNCOVERED * log(1 / UNCOVERED),
        architecture="aot",
        unit="nats",
        assumptions=(
            NARROW,
            Assumption("epsilon < 1", UNCOVERED < 1),
            Assumption("H d_h + d >= T sequences of probability 1 - epsilon, all N^S by default", theorem >= T),
        ),
        note="D_d is here the divergence of the best distribution that rank d approaches polynomially",
    ),
    Bound(
        id="dana2025-divergence-lower",
        sources=("dana2025",),
        where="Propositions 1 and 2",
        setting="any transformer that ends in a d x N unembedding",
        labels=labels.DISTRIBUTION,
        direction="lower",
        exactness="exact",
        evidence="text",
        formula=ENCODER,
        unit="nats",
        assumptions=(Assumption("d < N-1 (else a rank-d encoder represents every distribution)", D < N - 1),),
    ),
)
