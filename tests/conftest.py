"""Every array shape that the package declares is checked while the tests run."""

from jaxtyping import install_import_hook

hook = install_import_hook("attncap", "beartype.beartype")
