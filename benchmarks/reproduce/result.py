# SPDX-License-Identifier: Apache-2.0
"""What a figure's computation yields: numbers, a drawing, and verdicts on the paper's claims."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure


@dataclass(frozen=True)
class Finding:
    """One claim of the paper, whether it held here, and on what that rests."""

    source: str
    """Where the paper says it."""
    claim: str
    held: bool
    evidence: str
    """A sentence with the numbers."""

    @property
    def verdict(self) -> str:
        """For the table."""
        return "held" if self.held else "did not hold"


@dataclass(frozen=True)
class Result:
    """One figure. ``name`` is the files', ``data`` whatever JSON can hold."""

    name: str
    title: str
    data: Any
    findings: tuple[Finding, ...]
    figure: Figure

    def save(self, folder: Path) -> None:
        """Write NAME.json, NAME.pdf and NAME.png."""
        content = {"title": self.title, "findings": [asdict(finding) for finding in self.findings], "data": self.data}
        (folder / f"{self.name}.json").write_text(json.dumps(content, indent=1) + "\n")
        self.figure.savefig(folder / f"{self.name}.pdf", metadata={"CreationDate": None})
        self.figure.savefig(folder / f"{self.name}.png", dpi=120)


def findings(folder: Path, names: Iterable[str]) -> list[tuple[str, Finding]]:
    """The verdicts of the figures that a folder has, each with its figure's name."""
    files = ((name, folder / f"{name}.json") for name in names)
    contents = ((name, json.loads(file.read_text())) for name, file in files if file.exists())
    return [(name, Finding(**finding)) for name, content in contents for finding in content["findings"]]
