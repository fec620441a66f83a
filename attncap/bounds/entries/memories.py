"""Associative memories: linear, one hidden layer, Hopfield."""

from sympy import Float, Integer, LambertW, exp, floor, log

from attncap.bounds.bound import Assumption, Bound
from attncap.bounds.letters import C, D, M
from attncap.bounds.source import ICLR, Source

SOURCES = (
    Source(
        key="nichani2025",
        authors="Nichani, Eshaan and Lee, Jason D. and Bietti, Alberto",
        title="Understanding Factual Recall in Transformers via Associative Memories",
        venue=ICLR,
        year=2025,
        arxiv="2412.06538",
    ),
    Source(
        key="barnfield2026",
        authors="Barnfield, Nicholas and Kim, Juno and Nichani, Eshaan and Lee, Jason D. and Lu, Yue M.",
        title="Sharp Capacity Thresholds in Linear Associative Memory: From Winner-Take-All to Listwise Retrieval",
        venue="arXiv preprint",
        year=2026,
        arxiv="2605.05189",
        kind="article",
    ),
    Source(
        key="giorlandino2026",
        authors="Giorlandino, Alessio and Goldt, Sebastian and Maillard, Antoine",
        title="Factual Recall in Linear Associative Memories: Sharp Asymptotics and Mechanistic Insights",
        venue="arXiv preprint",
        year=2026,
        arxiv="2605.10795",
        kind="article",
    ),
    Source(
        key="amit1985",
        authors="Amit, Daniel J. and Gutfreund, Hanoch and Sompolinsky, Haim",
        title="Storing Infinite Numbers of Patterns in a Spin-Glass Model of Neural Networks",
        venue="Physical Review Letters",
        year=1985,
        doi="10.1103/PhysRevLett.55.1530",
        kind="article",
    ),
    Source(
        key="mceliece1987",
        authors="McEliece, Robert J. and Posner, Edward C. and Rodemich, Eugene R. and Venkatesh, Santosh S.",
        title="The Capacity of the {Hopfield} Associative Memory",
        venue="IEEE Transactions on Information Theory",
        year=1987,
        doi="10.1109/TIT.1987.1057328",
        kind="article",
    ),
)

MEMORY = "d x d linear associative memory, recall by the largest score"

BOUNDS = (
    Bound(
        id="nichani2025",
        sources=("nichani2025",),
        where="abstract",
        setting=MEMORY,
        labels="next token (argmax)",
        direction="lower",
        exactness="order",
        evidence="abstract",
        formula=C * D**2,
        architecture="memory",
        assumptions=(Assumption("random embeddings"),),
        logs=True,
    ),
    Bound(
        id="nichani2025-mlp",
        sources=("nichani2025",),
        where="abstract",
        setting="associative memory of one hidden layer",
        labels="next token (argmax)",
        direction="lower",
        exactness="order",
        evidence="abstract",
        formula=C * M * D,
        architecture="net2",
        assumptions=(Assumption("random embeddings"),),
        logs=True,
    ),
    Bound(
        id="barnfield2026",
        sources=("barnfield2026", "giorlandino2026"),
        where="abstracts: T ln T = d^2 / 2",
        setting=MEMORY,
        labels="next token (argmax)",
        direction="sharp",
        exactness="exact",
        evidence="abstract",
        formula=floor(exp(LambertW(D**2 / Integer(2)))),
        architecture="memory",
        assumptions=(Assumption("Gaussian pairs"), Assumption("d -> infinity")),
        note="the constant is conjectural (statistical physics); the order d^2 / ln d is proved",
    ),
    Bound(
        id="amit1985",
        sources=("amit1985",),
        where="replica estimate",
        setting="Hopfield network, recall with a few wrong bits",
        labels="binary patterns",
        direction="sharp",
        exactness="exact",
        evidence="abstract",
        formula=floor(Float("0.138") * M),
        architecture="hopfield",
        assumptions=(Assumption("random patterns, many neurons"),),
    ),
    Bound(
        id="mceliece1987",
        sources=("mceliece1987",),
        where="abstract",
        setting="Hopfield network, most patterns recalled exactly",
        labels="binary patterns",
        direction="sharp",
        exactness="exact",
        evidence="abstract",
        formula=floor(M / (2 * log(M))),
        architecture="hopfield",
        assumptions=(Assumption("random patterns, many neurons (m >= 3)", M >= 3),),
        note="every pattern exactly: half as many",
    ),
)
