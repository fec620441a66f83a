"""Run the command line: ``attncap``, or ``python -m attncap``."""

import sys


def main() -> None:
    """Run the command line; an interrupt while it is still being imported is one line too."""
    try:
        from attncap.cli import main as run
    except KeyboardInterrupt:
        print("attncap: interrupted; nothing was written", file=sys.stderr)
        sys.exit(130)
    run()


if __name__ == "__main__":
    main()
