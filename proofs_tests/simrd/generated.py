# SPDX-License-Identifier: Apache-2.0
"""Random logs: small, well-formed, with everything that the format has."""

import random

from dtr_spec.log import START, Annotation, Call, Constant, Copy, CopyFrom, Entry, Log, Mutate, Release, Result


def random_log(draw: random.Random, length: int = 30) -> Log:
    """A log of about ``length`` entries after ``START``. Sizes and times are small, so that scores often tie."""
    return _Writer(draw).log(length)


class _Writer:
    def __init__(self, draw: random.Random) -> None:
        self.draw = draw
        self.entries: list[Entry] = []
        self.tensor: dict[str, int] = {}
        """The tensor that each live name denotes."""
        self.count = 0

    def log(self, length: int) -> Log:
        earlier = [self.constant() for _ in range(self.draw.randrange(2))]
        self.entries.append(Annotation(START))
        self.tensor.clear()
        self.entries += [Release(name) for name in earlier if self.draw.random() < 0.5]
        self.constant()
        moves = [self.constant, self.copy, self.copy_from, self.mutate, self.annotate]
        moves += [self.call] * 5 + [self.release] * 4
        for _ in range(length):
            self.draw.choice(moves)()
        return Log(tuple(self.entries))

    def fresh(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def bind(self, name: str) -> None:
        self.count += 1
        self.tensor[name] = self.count

    def some(self) -> str:
        """A live name, a recent one more often than not."""
        names = list(self.tensor)
        return self.draw.choice(names[-4:] if self.draw.random() < 0.6 else names)

    def args(self) -> tuple[str, ...]:
        return tuple(self.some() for _ in range(self.draw.randint(1, 3)))

    def constant(self) -> str:
        name = self.fresh()
        self.entries.append(Constant(name, self.draw.randrange(4)))
        self.bind(name)
        return name

    def call(self) -> None:
        args = self.args()
        results = tuple(self.result(len(args)) for _ in range(self.draw.choice((1, 1, 1, 2, 3))))
        self.entries.append(Call("f", args, results, self.draw.randrange(6)))
        for result in results:
            self.bind(result.name)

    def result(self, arguments: int) -> Result:
        alias = self.draw.randrange(arguments) if self.draw.random() < 0.3 else -1
        return Result(self.fresh(), self.draw.randrange(8), alias)

    def mutate(self) -> None:
        args = self.args()
        tensors = [self.tensor[name] for name in args]
        mutated = (self.draw.randrange(len(args)),)
        if len(set(tensors)) == len(args) and self.draw.random() < 0.3:
            mutated = tuple(range(len(args)))
        self.entries.append(Mutate("g_", args, mutated, self.draw.randrange(6)))
        for i in mutated:
            self.bind(args[i])

    def copy(self) -> None:
        source, target = self.some(), self.fresh()
        self.entries.append(Copy(target, source))
        self.tensor[target] = self.tensor[source]

    def copy_from(self) -> None:
        source, target = self.some(), self.some()
        if source != target:
            self.entries.append(CopyFrom(target, source))
            self.tensor[target] = self.tensor[source]

    def release(self) -> None:
        if len(self.tensor) > 2:
            name = self.some()
            self.entries.append(Release(name))
            del self.tensor[name]

    def annotate(self) -> None:
        self.entries.append(Annotation("BACKWARD"))
