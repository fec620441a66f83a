"""Every array shape that the package declares is checked while the tests run, and Ctrl-C interrupts."""

import signal

from jaxtyping import install_import_hook

from tests.browser import chromium, complaints, page  # noqa: F401

# What runs in the background of a shell inherits that it is ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
hook = install_import_hook("attncap", "beartype.beartype")
