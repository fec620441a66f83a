"""What is memorized: associations from tables of facts, from text, or at random."""

from attncap.tasks.associations import Associations, associations
from attncap.tasks.facts import facts
from attncap.tasks.named import NAMED
from attncap.tasks.random import random_associations
from attncap.tasks.source import load
from attncap.tasks.text import next_tokens

__all__ = ["NAMED", "Associations", "associations", "facts", "load", "next_tokens", "random_associations"]
