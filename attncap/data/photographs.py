"""Natural colour images that install from PyPI: crops of the photographs in scikit-learn and scikit-image."""

import numpy as np
from jaxtyping import UInt8

from attncap.data.packages import installed
from attncap.errors import UnmetError

SKLEARN, SKIMAGE = ("sklearn", "scikit-learn"), ("skimage", "scikit-image")
FILES = {
    "datasets/images/china.jpg": SKLEARN,
    "datasets/images/flower.jpg": SKLEARN,
    "data/astronaut.png": SKIMAGE,
    "data/chelsea.png": SKIMAGE,
    "data/coffee.png": SKIMAGE,
    "data/hubble_deep_field.jpg": SKIMAGE,
    "data/motorcycle_left.png": SKIMAGE,
    "data/rocket.jpg": SKIMAGE,
}
# A crop's side over the shorter side of its photograph.
SMALLEST, LARGEST = 0.25, 0.75


def load_photographs(count: int, side: int = 224, seed: int = 0) -> UInt8[np.ndarray, "count side side 3"]:
    """Cut square crops at random places and scales out of the photographs that are installed, in turn.

    Args:
        count: how many crops.
        side: pixels that each is resized to.
        seed: of the places.

    Raises:
        UnmetError: neither package, or not pillow, is installed.
    """
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise UnmetError("photographs need pillow, which is not installed: pip install 'attncap[audit]'") from None
    found = []
    for file, (package, requirement) in FILES.items():
        try:
            found.append(Image.open(installed(package, file, f"--no-deps {requirement}")).convert("RGB"))
        except UnmetError as error:
            missing = error
    if not found:
        raise missing
    rng = np.random.default_rng(seed)
    crops = np.empty((count, side, side, 3), dtype=np.uint8)
    for place in range(count):
        photograph = found[place % len(found)]
        size = int(min(photograph.size) * rng.uniform(SMALLEST, LARGEST))
        left, top = (int(rng.integers(0, extent - size + 1)) for extent in photograph.size)
        crops[place] = np.asarray(photograph.crop((left, top, left + size, top + size)).resize((side, side)))
    return crops
