"""Living memories: facts of written weights changed, forgotten, explained, compared and handed over."""

from attncap.memory.attribution import Explained, Share, explain
from attncap.memory.comparison import Compared, Difference, compare
from attncap.memory.editing import Edited, Editor, edit
from attncap.memory.exports import Exported, export
from attncap.memory.forgetting import Forgotten, Way, forget
from attncap.memory.ledger import DroppedWarning, history, undone
from attncap.memory.organisms import Organism, organism
from attncap.memory.relearning import Relearned
from attncap.memory.saving import save, save_gold
from attncap.memory.scoring import Score, Scores, score
from attncap.memory.traces import Questions, Traces

__all__ = [
    "Compared",
    "Difference",
    "DroppedWarning",
    "Edited",
    "Editor",
    "Explained",
    "Exported",
    "Forgotten",
    "Organism",
    "Questions",
    "Relearned",
    "Score",
    "Scores",
    "Share",
    "Traces",
    "Way",
    "compare",
    "edit",
    "explain",
    "export",
    "forget",
    "history",
    "organism",
    "save",
    "save_gold",
    "score",
    "undone",
]
