"""What is memorized: associations, distributions and examples, from files, real data or at random."""

from attncap.data.named_tables import NAMED
from attncap.data.texts import CORPORA
from attncap.tasks.association import Associations, associations
from attncap.tasks.distribution import Distributions, distributions
from attncap.tasks.example import Examples, digits, examples, random_examples
from attncap.tasks.fact_tables import Columns, Conflicts, fact_distributions, facts
from attncap.tasks.random import random_associations
from attncap.tasks.source import kind_of, load, load_distributions
from attncap.tasks.text import next_tokens, text_distributions

__all__ = [
    "CORPORA",
    "NAMED",
    "Associations",
    "Columns",
    "Conflicts",
    "Distributions",
    "Examples",
    "associations",
    "digits",
    "distributions",
    "examples",
    "fact_distributions",
    "facts",
    "kind_of",
    "load",
    "load_distributions",
    "next_tokens",
    "random_associations",
    "random_examples",
    "text_distributions",
]
