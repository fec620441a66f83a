"""Bits per parameter of trained language models, and the limit that counting sets."""

from sympy import Eq, Float, Piecewise, exp, floor, log

from attncap.bounds import labels
from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.letters import ERROR, B, C, N, P
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
    Source(
        key="lu2024",
        authors="Lu, Xingyu and Li, Xiaonan and Cheng, Qinyuan and Ding, Kai and Huang, Xuanjing and Qiu, Xipeng",
        title="Scaling Laws for Fact Memorization of Large Language Models",
        venue="arXiv preprint",
        year=2024,
        arxiv="2406.15720",
        kind="article",
    ),
    Source(
        key="kumar2024",
        authors="Kumar, Tanishq and Ankner, Zachary and Spector, Benjamin F. and Bordelon, Blake "
        "and Muennighoff, Niklas and Paul, Mansheej and Pehlevan, Cengiz and Ré, Christopher and Raghunathan, Aditi",
        title="Scaling Laws for Precision",
        venue="arXiv preprint",
        year=2024,
        arxiv="2411.04330",
        kind="article",
    ),
)

# Bits that an answer is worth at a share of errors, the answers uniform.
rate = Piecewise(
    (log(N) / log(2), Eq(ERROR, 0)),
    ((log(N) + ERROR * log(ERROR) + (1 - ERROR) * log(1 - ERROR) - ERROR * log(N - 1)) / log(2), True),
)

BOUNDS = (
    Bound(
        id="allenzhu2025",
        sources=("allenzhu2025",),
        where="abstract; 1000 exposures of a fact",
        setting="trained language model",
        labels=labels.FACTS,
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
        labels=labels.FACTS,
        direction="empirical",
        exactness="empirical",
        evidence="secondary",
        formula=P,
        unit="bits",
    ),
    Bound(
        id="allenzhu2025-int8",
        sources=("allenzhu2025",),
        where="weights rounded to int8 after training",
        setting="trained language model",
        labels=labels.FACTS,
        direction="empirical",
        exactness="empirical",
        evidence="secondary",
        formula=2 * P,
        unit="bits",
    ),
    Bound(
        id="allenzhu2025-int4",
        sources=("allenzhu2025",),
        where="weights rounded to int4 after training",
        setting="trained language model",
        labels=labels.FACTS,
        direction="empirical",
        exactness="empirical",
        evidence="secondary",
        formula=Float("0.7") * P,
        unit="bits",
    ),
    Bound(
        id="lu2024",
        sources=("lu2024",),
        where="abstract: linear in parameters, short of its limit by a e^(-b epochs)",
        setting="trained language model, facts of Wikidata",
        labels=labels.FACTS,
        direction="empirical",
        exactness="order",
        evidence="abstract",
        formula=C * P,
        assumptions=(Assumption("parameters beside the embeddings"),),
        note="the constant depends on the epochs and on the relation",
    ),
    Bound(
        id="morris2025",
        sources=("morris2025",),
        where="abstract",
        setting="trained GPT-style model",
        labels=labels.TOKENS,
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
        labels=labels.ANY,
        direction="upper",
        exactness="exact",
        evidence="elementary",
        formula=B * P,
        unit="bits",
    ),
    Bound(
        id="fano",
        sources=("attncap",),
        where="Fano's inequality: b P >= T (log2 N - h(e) - e log2(N-1)) at a share e of wrong answers",
        setting="any model",
        labels=labels.ANY,
        direction="upper",
        exactness="exact",
        evidence="elementary",
        formula=floor(B * P / rate),
        assumptions=(
            Assumption("N >= 2", N >= 2),
            Assumption("e < 1 - 1/N (fewer errors than chance makes)", ERROR < 1 - 1 / N),
            Assumption("uniform answers"),
        ),
        note="no errors by default: b P / log2 N",
    ),
    Bound(
        id="kumar2024",
        sources=("kumar2024",),
        where="weights of b bits count as P (1 - e^(-b / 2.67)) full ones",
        setting="trained language model",
        labels=labels.ANY,
        direction="empirical",
        exactness="empirical",
        evidence="quoted",
        formula=P * (1 - exp(-B / Float("2.67"))),
        unit="parameters",
    ),
)
