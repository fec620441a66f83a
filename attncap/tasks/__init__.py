"""What is memorized: associations, distributions and examples, from files, real data or at random."""

from attncap.tasks.associations import Associations, associations
from attncap.tasks.conditional import fact_distributions, load_distributions, text_distributions
from attncap.tasks.corpora import CORPORA
from attncap.tasks.distributions import Distributions, distributions
from attncap.tasks.examples import Examples, digits, examples, random_examples
from attncap.tasks.facts import Columns, Conflicts, facts
from attncap.tasks.named import NAMED
from attncap.tasks.random import random_associations
from attncap.tasks.source import load
from attncap.tasks.text import next_tokens

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
    "load",
    "load_distributions",
    "next_tokens",
    "random_associations",
    "random_examples",
    "text_distributions",
]
