"""How attention layers are trained on labelled examples."""

from dataclasses import dataclass, replace

from attncap.constraints import Natural
from attncap.train.loop import recipes as loop
from attncap.train.loop.recipes import recipe as named


@dataclass(frozen=True)
class Recipe(loop.Recipe):
    """A training run on examples.

    Attributes:
        epochs: passes through the examples that a run takes at least, where its steps are fewer.
        exact: up to so many examples every step takes all of them; more come in batches.
    """

    epochs: Natural = 0
    exact: Natural = 0


# The authors' code at 34305e9; a look at the whole training set every 500 steps, the weights of the least loss kept.
PAPER = Recipe(
    name="paper",
    optimizer="adam",
    rate=1e-3,
    final_rate=0.0,
    schedule="warm-cosine",
    steps=50_000,
    epochs=500,
    batch=256,
    evaluate=500,
    segment=125,
)
BEST = Recipe(
    name="best",
    optimizer="soap",
    rate=1e-2,
    final_rate=0.0,
    schedule="cosine",
    steps=1536,
    epochs=100,
    forget_from=0.5,
    forget_to=2.0,
    batch=1024,
    exact=1024,
    evaluate=128,
    keep="accuracy",
    average=0.95,
)
RECIPES = {recipe.name: recipe for recipe in (PAPER, BEST)}


def fitted(recipe: Recipe, examples: int) -> Recipe:
    """Settle what depends on the number of examples: the steps, and whether there are batches.

    Example:
        >>> fitted(PAPER, 40_000).steps, fitted(PAPER, 1000).steps, fitted(BEST, 500).batch
        (78125, 50000, None)
    """
    batch = None if recipe.batch is None or examples <= recipe.exact else recipe.batch
    passes = -(-recipe.epochs * examples // batch) if batch else 0
    return replace(recipe, batch=batch, steps=max(recipe.steps, passes), epochs=0, exact=0)


def recipe_of(recipe: str | Recipe, steps: int | None = None) -> Recipe:
    """Return a recipe by its name or as it is, with so many steps and no more.

    Raises:
        InputError: an unknown name, or less than one step.
    """
    chosen = recipe if isinstance(recipe, Recipe) else named(recipe, RECIPES)
    if steps is None:
        return chosen  # type: ignore[return-value]
    return replace(chosen, steps=steps, epochs=0)  # type: ignore[return-value, call-arg]
