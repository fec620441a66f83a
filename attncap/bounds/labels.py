"""What is memorized, by its label: how many bits as many items hold."""

from collections.abc import Callable

import sympy
from sympy import log

from attncap.bounds.letters import M, N, S

TOKEN, CLASSES, ONE_OF_T = "next token (argmax)", "classes", "one of T (argmax)"
BINARY, PATTERNS = "binary", "binary patterns"
REAL, NUMBERS, DISTRIBUTION = "real vectors", "real numbers", "next-token distribution"
SEQUENCES, RELATIONS, OWN = "token sequences", "relations", "its own patterns"
FACTS, TOKENS, ANY = "facts", "random tokens", "any"

# Bits that a count of items holds, the answers uniform; None where an item holds no fixed number of bits.
BITS: dict[str, Callable[[sympy.Expr], sympy.Expr] | None] = {
    TOKEN: lambda count: count * log(N) / log(2),
    CLASSES: lambda count: count * log(N) / log(2),
    ONE_OF_T: lambda count: count * log(count) / log(2),
    SEQUENCES: lambda count: count * S * log(N) / log(2),
    BINARY: lambda count: count,
    PATTERNS: lambda count: count * M,
    REAL: None,
    NUMBERS: None,
    DISTRIBUTION: None,
    RELATIONS: None,
    OWN: None,
    FACTS: None,
    TOKENS: None,
    ANY: None,
}
