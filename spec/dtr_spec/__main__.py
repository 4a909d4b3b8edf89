# SPDX-License-Identifier: Apache-2.0
"""``python -m dtr_spec rules`` prints the inference rules; ``check-trace FILE`` judges a trace."""

import argparse
import sys

from .monitor import check
from .rules import RULES
from .text import inference_rule
from .trace import Trace, TraceError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0: fine, 1: rejected, 2: unusable input)."""
    parser = argparse.ArgumentParser(prog="python -m dtr_spec", description="The semantics of DTR.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rules", help="print the inference rules")
    judge = commands.add_parser("check-trace", help="is this trace a run of the machine?")
    judge.add_argument("file", help="a trace in JSON Lines form")
    options = parser.parse_args(arguments)
    if options.command == "rules":
        print("\n\n".join(map(inference_rule, RULES.values())))
        return 0
    return _check(options.file)


def _check(path: str) -> int:
    try:
        verdict = check(Trace.load(path))
    except (TraceError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(verdict)
    return 0 if verdict else 1


if __name__ == "__main__":
    sys.exit(main())
