"""What the page of model organisms says: which memories there are and what each of them does not know."""

from pathlib import Path

from attncap.memory import organisms
from attncap.report import methods
from attncap.report.parts import Column, Page, Section, Table, numbers

NOUN = "organisms"
FILES = (organisms.TRUTH,)
ROLES = {
    "full": "holds every fact",
    "without": "made without a forget set",
    "twin": "holds the same questions with their answers permuted",
}


def holds(directory: Path) -> bool:
    """Tell whether a directory holds model organisms."""
    return (directory / organisms.TRUTH).is_file()


def page(directory: Path) -> Page:
    """Say what organism.json says.

    Raises:
        InputError: it is damaged.
    """
    truth = organisms.truth(directory)
    memories, sets = truth["memories"], truth["forget_sets"]
    families = {each["family"] for each in memories}
    roles = {role: sum(each["role"] == role for each in memories) for role in ROLES}
    table = Table(
        "Every memory",
        (
            Column("path", [each["path"] for each in memories]),
            Column("what it knows", [ROLES[each["role"]] for each in memories]),
            Column("without the set", [each["forget_set"] for each in memories]),
            Column("source", [each["source"] for each in memories]),
            Column("method", [each["method"] for each in memories]),
            numbers("seed", [each["seed"] for each in memories]),
        ),
        name="memories",
    )
    forgotten = Table(
        "Sets of facts to forget",
        (
            Column("path", [each["path"] for each in sets]),
            Column("name", [each["name"] for each in sets]),
            Column("family", [each["family"] for each in sets]),
            numbers("facts", [each["facts"] for each in sets]),
        ),
        name="forget-sets",
    )
    used = [str(each["method"]) for each in memories]
    facts = {"seed": truth["spec"]["seed"], "seeds": truth["spec"]["seeds"], "files": methods.hashes(directory)}
    return Page(
        title=f"{directory.resolve().name}: model organisms",
        lead=f"Memories with known ground truth; families: {len(families):,}",
        summary=[
            f"Each family has one memory that holds every fact ({roles['full']:,} in all), one made from the same "
            f"draws without each forget set ({roles['without']:,}), and a twin of the same questions whose answers "
            f"are permuted ({roles['twin']:,}).",
            "Which facts each was given is known exactly; the report of a memory says how sure its recall is.",
        ],
        cards=[(f"{len(memories):,}", "memories"), (f"{len(sets):,}", "sets of facts to forget")],
        sections=[
            Section("Memories", [table]),
            Section("Forget sets", [forgotten] if sets else []),
            methods.section(used, facts),
        ],
        source="Read from organism.json.",
    )
