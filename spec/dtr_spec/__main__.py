# SPDX-License-Identifier: Apache-2.0
"""``python -m dtr_spec rules`` prints the inference rules; ``check-trace FILE`` judges a trace; ``prove`` proves."""

import argparse
import json
import sys

from .monitor import check
from .rules import RULES
from .text import inference_rule
from .trace import Trace, TraceError


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0: fine, 1: rejected or unproved, 2: unusable input)."""
    parser = argparse.ArgumentParser(prog="python -m dtr_spec", description="The semantics of DTR.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("rules", help="print the inference rules")
    judge = commands.add_parser("check-trace", help="is this trace a run of the machine?")
    judge.add_argument("file", help="a trace in JSON Lines form")
    prover = commands.add_parser("prove", help="prove the theorems about the machine with Z3")
    prover.add_argument("theorem", nargs="*", help="names, or properties such as T1 (default: all)")
    prover.add_argument("--json", action="store_true", help="one JSON object a theorem, a line each")
    options = parser.parse_args(arguments)
    if options.command == "rules":
        print("\n\n".join(map(inference_rule, RULES.values())))
        return 0
    if options.command == "prove":
        return _prove(options.theorem, options.json)
    return _check(options.file)


def _check(path: str) -> int:
    try:
        verdict = check(Trace.load(path))
    except (TraceError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print(verdict)
    return 0 if verdict else 1


def _prove(wanted: list[str], as_json: bool) -> int:
    from .proofs import judge, theorems  # here: nothing else of this command needs z3

    chosen = [each for each in theorems() if not wanted or each.name in wanted or each.key in wanted]
    if unknown := set(wanted) - {each.name for each in chosen} - {each.key for each in chosen}:
        print(f"no theorem is called {', '.join(sorted(unknown))}; `prove` alone lists them all", file=sys.stderr)
        return 2
    verdicts = []
    for each in chosen:
        verdict = judge(each)
        verdicts.append(verdict)
        cases = verdict.proved + len(verdict.unproved)
        word = "proved" if verdict else f"UNPROVED: {'; '.join(verdict.unproved)}"
        if as_json:
            row = {"property": each.key, "theorem": each.name, "statement": each.statement, "scope": each.scope}
            row |= {"obligations": cases, "unproved": verdict.unproved, "seconds": round(verdict.seconds, 3)}
            print(json.dumps(row), flush=True)
        else:
            print(f"{each.key:5} {each.name:40} {cases:3} obligations {verdict.seconds:6.2f} s  {word}", flush=True)
            print(f"      {each.statement}\n      for {each.scope}", flush=True)
    return 0 if all(verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
