# SPDX-License-Identifier: Apache-2.0
"""Programs for the tests: a small builder, and random ones from a seed."""

import random

from dtr_spec.program import Alias, Call, Command, Constant, Fresh, Pin, Program, Release


class Builder:
    """Writes programs down command by command; handles are numbered in order."""

    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.handles = 0

    def constant(self, size: int = 1) -> int:
        handle = self._handle()
        self.commands.append(Constant(handle, size))
        return handle

    def call(
        self,
        op: str,
        *inputs: int,
        sizes: tuple[int, ...] = (1,),
        mutates: tuple[int, ...] = (),
        cost: int = 1,
        profile: tuple[int, ...] | None = None,
    ) -> int:
        """A call; returns the first of the handles of its fresh outputs, which follow each other."""
        first = self.handles
        outputs = tuple(Fresh(self._handle(), size) for size in sizes)
        asked = tuple(size for size in sizes if size) if profile is None else profile
        self.commands.append(Call(op, inputs, outputs, mutates, cost, asked))
        return first

    def write(self, op: str, *inputs: int, mutates: tuple[int, ...] = (0,), cost: int = 1) -> None:
        self.call(op, *inputs, sizes=(), mutates=mutates, cost=cost)

    def read(self, *inputs: int, cost: int = 0) -> None:
        self.call("read", *inputs, sizes=(), cost=cost)

    def alias(self, of: int, view: str = "") -> int:
        handle = self._handle()
        self.commands.append(Alias(handle, of, view))
        return handle

    def release(self, *handles: int) -> None:
        self.commands += map(Release, handles)

    def pin(self, handle: int) -> None:
        self.commands.append(Pin(handle))

    def program(self) -> Program:
        return Program(tuple(self.commands))

    def _handle(self) -> int:
        self.handles += 1
        return self.handles - 1


def random_program(seed: int, length: int = 24) -> Program:
    """A program with sharing, views, mutation of one or several buffers, scratch, releases, pins and reads."""
    draw = random.Random(seed)
    build = Builder()
    live = [build.constant(draw.randrange(4)) for _ in range(draw.randint(1, 3))]
    live.append(build.constant(0))
    for _ in range(length):
        kind = draw.choices(
            ["call", "write", "alias", "release", "read", "pin", "constant"], [8, 3, 2, 4, 2, 0.3, 0.5]
        )[0]
        inputs = tuple(draw.choice(live) for _ in range(draw.choice([1, 1, 2, 3])))
        match kind:
            case "call":
                _random_call(draw, build, live, inputs)
            case "write":
                build.write(f"w{draw.randrange(3)}", *inputs, mutates=_places(draw, inputs), cost=draw.randrange(4))
            case "alias":
                live.append(build.alias(inputs[0], draw.choice(["", "row", "transpose"])))
            case "release" if len(live) > 1:
                build.release(live.pop(draw.randrange(len(live))))
            case "read":
                build.read(*inputs, cost=draw.randrange(2))
            case "pin":
                build.pin(inputs[0])
            case _:
                live.append(build.constant(draw.randrange(3)))
    for handle in live:
        build.read(handle)
    return build.program()


def _random_call(draw: random.Random, build: Builder, live: list[int], inputs: tuple[int, ...]) -> None:
    sizes = tuple(draw.randrange(4) for _ in range(draw.choice([1, 1, 2, 3])))
    scratch = draw.randrange(3)
    asked = [size for size in sizes if size]
    profile = (scratch, *asked, -scratch) if scratch else tuple(asked)
    mutates = _places(draw, inputs) if draw.random() < 0.2 else ()
    op = f"f{draw.randrange(4)}"
    first = build.call(op, *inputs, sizes=sizes, mutates=mutates, cost=draw.randrange(5), profile=profile)
    live += range(first, first + len(sizes))


def _places(draw: random.Random, inputs: tuple[int, ...]) -> tuple[int, ...]:
    count = 1 if draw.random() < 0.7 else draw.randint(1, len(inputs))
    return tuple(sorted(draw.sample(range(len(inputs)), count)))
