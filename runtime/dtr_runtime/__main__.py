# SPDX-License-Identifier: Apache-2.0
"""``python -m dtr_runtime simulate LOG`` replays logs of the DTR prototype, as the paper's simulator does, fast."""

import argparse
import sys

from dtr_spec.simulate import add_command, simulate

from .simrd import opened


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0: fine, 2: unusable input, 130: interrupted)."""
    parser = argparse.ArgumentParser(prog="python -m dtr_runtime", description="DTR for PyTorch, and its simulator.")
    add_command(parser.add_subparsers(dest="command", required=True))
    return simulate(opened, parser.parse_args(arguments))


if __name__ == "__main__":
    sys.exit(main())
