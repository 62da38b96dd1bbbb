"""Reads values off a fuzzer's bytes, so that a changed byte is a changed value (pure).

The same bytes give the same values, with atheris and without. Bytes that are used up read as
zeros, and zero is always the simplest value: nothing, the first, no more of these.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, AnyStr, TypeVar

T = TypeVar("T")

_LONGEST = 8  # items of one drawn list or object
_DEPTH = 5  # of drawn JSON within JSON
_NUMBERS = (0, 1, -1, 7, 255, 2**31, -(2**63), 10**20, 0.5, -0.0, 1e308, float("inf"), float("nan"))


class Draws:
    """``Draws(data)``: each call takes the next bytes."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def is_over(self) -> bool:
        return self._at >= len(self._data)

    def below(self, limit: int) -> int:
        """A number from 0 to ``limit`` - 1, at most 65535."""
        number = self._byte()
        if limit > 256:
            number = number << 8 | self._byte()
        return number % limit

    def flag(self) -> bool:
        return self._byte() % 2 == 1

    def pick(self, items: Sequence[T]) -> T:
        return items[self.below(len(items))]

    def take(self, size: int) -> bytes:
        taken = self._data[self._at : self._at + size]
        self._at += len(taken)
        return taken

    def rest(self) -> bytes:
        return self.take(len(self._data))

    def text(self, words: Sequence[str]) -> str:
        """A short text."""
        return spelled(self.take(self.below(32)), words)

    # JSON

    def json(self, names: Sequence[str], words: Sequence[str], depth: int = _DEPTH) -> Any:
        """Any JSON value, its objects' keys from ``names``."""
        kind = self.below(8 if depth else 6)
        match kind:
            case 1:
                return self.flag()
            case 2:
                return self.pick(_NUMBERS)
            case 3:
                return self._byte()
            case 4:
                return self.pick(words)
            case 5:
                return self.text(words)
            case 6:
                return [self.json(names, words, depth - 1) for _ in range(self.below(_LONGEST))]
            case 7:
                return {
                    self.pick(names): self.json(names, words, depth - 1)
                    for _ in range(self.below(_LONGEST))
                }
        return None

    def spoilt(self, value: Any, names: Sequence[str], words: Sequence[str]) -> Any:
        """A copy of a JSON value with some things changed, anywhere in it."""
        root = {"": copy.deepcopy(value)}
        for _ in range(self.below(_LONGEST)):
            container, key = self._place(root)
            self._change(container, key, names, words)
        return root.get("")

    def thinned(self, value: Any, kept: Sequence[str]) -> Any:
        """A copy of a JSON value with some things missing or null, but none called as one of
        ``kept``."""
        root = {"": copy.deepcopy(value)}
        for _ in range(self.below(_LONGEST)):
            container, key = self._place(root)
            if key in kept or key == "" or not isinstance(container, dict):
                continue
            if self.flag():
                container[key] = None
            else:
                del container[key]
        return root[""]

    def varied(self, value: Any, kept: Sequence[str], words: Sequence[str]) -> Any:
        """A copy of a JSON value with some of its numbers and texts changed to others, but none
        called as one of ``kept``."""
        root = {"": copy.deepcopy(value)}
        for _ in range(self.below(_LONGEST)):
            container, key = self._place(root)
            match None if key in kept else container[key]:
                case bool():
                    container[key] = self.flag()
                case int():
                    container[key] = self.below(2**16) - 100
                case str():
                    container[key] = self.text(words)
        return root[""]

    def _place(self, root: dict[str, Any]) -> tuple[Any, Any]:
        """(container, key) of some value inside the root."""
        container: Any = root
        key: Any = next(iter(root), "")
        root.setdefault(key, None)
        while isinstance(inner := container[key], dict | list) and inner and self._byte() % 8:
            container = inner
            key = self.pick(list(inner)) if isinstance(inner, dict) else self.below(len(inner))
        return container, key

    def _change(self, container: Any, key: Any, names: Sequence[str], words: Sequence[str]) -> None:
        match self.below(4):
            case 0:
                container[key] = self.json(names, words)
            case 1:
                del container[key]
            case 2 if isinstance(container, dict):
                container[self.pick(names)] = container[key]
            case 2:
                container.insert(0, container[key])
            case 3:
                container[key] = [container[key]]

    def _byte(self) -> int:
        if self.is_over:
            return 0
        self._at += 1
        return self._data[self._at - 1]


def spelled(data: bytes, words: Sequence[str]) -> str:
    """A text of one sign for each byte: ASCII stands for itself, any other byte for a word."""
    return "".join(chr(byte) if byte < 128 else words[byte % 128 % len(words)] for byte in data)


def pieces(whole: AnyStr, sizes: bytes) -> Iterator[AnyStr]:
    """The whole in pieces of these sizes, over and over; in one piece where there are none."""
    at = 0
    for size in itertools.cycle(sizes if any(sizes) else [max(len(whole), 1)]):
        if at >= len(whole):
            return
        yield whole[at : at + size]
        at += size
