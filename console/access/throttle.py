"""How long a door to START stays shut after wrong tries: for each name, known or not, and for each place that they come from. STOP has no such door.
It knows no password; time is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

FREE_TRIES: Final = 3
MOST_S: Final = 900.0
"""Three wrong tries cost nothing, then 1 s, 2 s, 4 s and so on up to this."""
FREE_OF_SOURCE: Final = 20
MOST_OF_SOURCE_S: Final = 30.0
"""A place is forgiven more, and shut for less: all pages of this machine come from one."""
FORGIVEN_EACH_S: Final = 1800.0
"""One wrong try is forgotten each so long."""
AT_MOST: Final = 4096


@dataclass(frozen=True)
class _Tries:
    wrong: int
    last_s: float
    shut_until_s: float


class Throttle:
    """A try is counted before it is looked at, so that many at once count too; a right one is taken back."""

    def __init__(self) -> None:
        self._names: dict[str, _Tries] = {}
        self._sources: dict[str, _Tries] = {}

    def wait_s(self, name: str, source: str, now_s: float) -> float:
        """How long until this name may be tried from there; 0 when it may be now."""
        shut = [kept[key].shut_until_s for kept, key in self._both(name, source) if key in kept]
        return max(0.0, *(until - now_s for until in shut)) if shut else 0.0

    def tried(self, name: str, source: str, now_s: float) -> None:
        """One more try that counts as wrong until it is known to be right."""
        for (kept, key), free, most_s in zip(
            self._both(name, source), (FREE_TRIES, FREE_OF_SOURCE), (MOST_S, MOST_OF_SOURCE_S), strict=True
        ):
            before = kept.pop(key, _Tries(0, now_s, now_s))
            forgiven = int((now_s - before.last_s) / FORGIVEN_EACH_S)
            wrong = max(0, before.wrong - forgiven) + 1
            shut_s = min(most_s, 2.0 ** min(wrong - free, 30)) if wrong >= free else 0.0
            if len(kept) >= AT_MOST:
                del kept[min(kept, key=lambda one: (kept[one].shut_until_s, kept[one].last_s))]
            kept[key] = _Tries(wrong, now_s, now_s + shut_s)

    def right(self, name: str, source: str) -> None:
        """The last try was right: the name begins anew, the place has one wrong try less."""
        self._names.pop(name, None)
        of_source = self._sources.get(source)
        if of_source is not None:
            less = of_source.wrong - 1
            until_s = of_source.shut_until_s if less >= FREE_OF_SOURCE else of_source.last_s
            self._sources[source] = _Tries(less, of_source.last_s, until_s)

    def _both(self, name: str, source: str) -> tuple[tuple[dict[str, _Tries], str], ...]:
        return (self._names, name), (self._sources, source)
