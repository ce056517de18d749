"""Plays tests over mutants: forks of one process that has the tests collected, or, where the module's import is what differs, forks that import anew.
It knows how a mutant is put in place and what killed it; which mutants there are, and which may live, it is told."""

from __future__ import annotations

import ast
import gc
import importlib
import importlib.util
import json
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

import pytest

from verification.mutate import Mutant, altered

BROKEN: Final = 3
TOGETHER: Final = "together"
IMPORT: Final = "importing: "
"""Begins what is said of a mutant that cannot even be imported."""
WALL_S: Final = 300
CPU_S: Final = 2.0
CPU_TIMES: Final = 4.0
"""A test over a mutant may take so many seconds of processor, and so many times what it takes without it; one that takes more has killed it."""
REMEMBERED: Final = 12
"""So many of the tests that killed last are played first: a mutant's neighbour is mostly killed by the same test."""
PLUGINS: Final = (
    "-p", "pytest_timeout", "-p", "no:cacheprovider", "-o", "timeout=0", "-o", "addopts=", "-q", "--assert=plain",
    "-k", "not costs_little and not tick_is_cheap",
)  # fmt: skip
"""A test that times what it calls says nothing of a mutant, and fails where each line is watched."""

Report = Callable[[dict[str, Any]], None]


class UnplayableError(Exception):
    """The tests cannot be played over mutants; the words say why and what to do first."""


@dataclass(frozen=True)
class Target:
    """One file, the module it is, the tests that are its own, and others that touch it."""

    root: Path
    file: str
    own: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def tests(self) -> tuple[str, ...]:
        return (*self.own, *self.others)

    @property
    def path(self) -> str:
        return str(self.root / self.file)


def play(target: Target, mutants: Sequence[Mutant], report: Report, hints: Mapping[str, str] | None = None) -> None:
    """Every mutant once; `report` is told of each as {key, killed_by}, killed_by empty for a survivor.
    `hints` names for a key the test that killed it when the sources were others: it is played first, and believed in nothing."""
    anew: list[Mutant] = []
    by_key = {mutant.key: mutant for mutant in mutants}
    loaded: list[str] = []
    killers = Killers(hints or {})

    def told(document: dict[str, Any]) -> None:
        if "loaded" in document:
            loaded.extend(document["loaded"])
        elif "fault" in document:
            raise UnplayableError(document["fault"])
        elif document["killed_by"] is None:
            anew.append(by_key[document["key"]])
        else:
            report(document)

    _listen(lambda say: _collected(target, mutants, killers, say), told)
    _load(loaded, target)
    if anew:
        _listen(lambda _: _alone(target), report)
    for mutant in anew:
        killed_by = _anew(target, mutant, killers)
        killers.learn(killed_by)
        report({"key": mutant.key, "killed_by": killed_by})


class Killers:
    """Which tests to play first for a mutant: the one that killed it before, then those that killed last."""

    def __init__(self, hints: Mapping[str, str]) -> None:
        self._hints = hints
        self._last: list[str] = []

    def first(self, mutant: Mutant) -> list[str]:
        hint = self._hints.get(mutant.key, "")
        return [*([hint] if "::" in hint else ()), *(one for one in self._last if one != hint)]

    def learn(self, killed_by: str) -> None:
        if "::" in killed_by:
            self._last = [killed_by, *(one for one in self._last if one != killed_by)][:REMEMBERED]


def _anew(target: Target, mutant: Mutant, killers: Killers) -> str:
    """What kills a mutant that is imported anew: the file of tests that is likeliest first, then its own, then the others."""
    first = killers.first(mutant)
    likely = first[0].split("::")[0] if first else ""
    groups = [
        tuple(test for test in target.tests if test.split("::")[0] == likely),
        tuple(test for test in target.own if test.split("::")[0] != likely),
        tuple(test for test in target.others if test.split("::")[0] != likely),
    ]
    for tests in groups:
        killed_by = play_together(target.root, {target: mutant}, tests, first) if tests else ""
        if killed_by:
            return killed_by
    return ""


def _alone(target: Target) -> None:
    """Unaltered it can be imported alone, or the fork ends badly: else every mutant would seem to be killed by its import."""
    _settle(target.root)
    importlib.import_module(target.module)


def play_together(root: Path, pair: Mapping[Target, Mutant], tests: tuple[str, ...], first: Sequence[str] = ()) -> str:
    """What kills these mutants together; empty when nothing does."""
    heard: list[dict[str, Any]] = []
    _listen(lambda say: _imported_anew(root, pair, tests, first, say), heard.append, TOGETHER)
    return str(heard[-1]["killed_by"])


def _listen(work: Callable[[Report], None], report: Report, key: str = "") -> None:
    """Run work in a fork, and hear its lines; a fork for one mutant that ends without a word was killed by what it did."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        _child(work, write)
    os.close(write)
    heard = 0
    with os.fdopen(read, encoding="utf-8") as lines:
        for line in lines:
            heard += 1
            report(json.loads(line))
    status = os.waitpid(pid, 0)[1]
    if status == BROKEN << 8:
        raise UnplayableError("the process that plays a mutant failed by itself; run the tests by pytest first")
    if key and not heard:
        report({"key": key, "killed_by": _ended(status)})
    elif not key and status:
        raise UnplayableError(f"the process that plays the tests ended with status {status}; run them by pytest first")


def _child(work: Callable[[Report], None], write: int) -> None:
    code = BROKEN
    try:
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)

        def say(document: dict[str, Any]) -> None:
            os.write(write, (json.dumps(document) + "\n").encode())

        work(say)
        code = 0
    finally:
        os._exit(code)


def _ended(status: int) -> str:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return "too long" if name in ("SIGXCPU", "SIGALRM", "SIGKILL") else name
    return f"exit {os.waitstatus_to_exitcode(status)}"


def _limited(cpu_s: float) -> None:
    seconds = int(_cpu_s() + CPU_S + CPU_TIMES * cpu_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, resource.getrlimit(resource.RLIMIT_CPU)[1]))
    signal.alarm(WALL_S)


def _load(names: Sequence[str], target: Target) -> None:
    """Import what does not rest on the module, once for all forks to come."""
    imports = {name: _imports(name, target.root) for name in names}
    resting = {target.module}
    while more := {name for name, its in imports.items() if its & resting} - resting:
        resting |= more
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names:
            if name not in resting and name not in sys.modules:
                try:
                    importlib.import_module(name)
                except Exception:  # what cannot be imported alone is imported by the tests
                    continue
    gc.freeze()


def _imports(name: str, root: Path) -> set[str]:
    """What a module of ours imports; nobody else's rests on ours."""
    spec = _spec(name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py") or not _ours(spec.origin, root):
        return set()
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


def _ours(path: str, root: Path) -> bool:
    return Path(path).is_relative_to(root) and "site-packages" not in path


def _spec(name: str) -> ModuleSpec | None:
    try:
        return importlib.util.find_spec(name)
    except (ImportError, ValueError):
        return None


class _Stead:
    """Finds a mutant where its module is asked for."""

    def __init__(self, mutants: dict[str, tuple[str, CodeType]]) -> None:
        self._mutants = mutants

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:  # noqa: ARG002
        if name not in self._mutants:
            return None
        return importlib.util.spec_from_file_location(name, self._mutants[name][0], loader=self)  # type: ignore[arg-type]

    def create_module(self, _: ModuleSpec) -> None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(self._mutants[module.__name__][1], module.__dict__)


def _imported_anew(
    root: Path, mutants: Mapping[Target, Mutant], tests: tuple[str, ...], first: Sequence[str], say: Report
) -> None:
    """One mutant (or several together) from the first import on; a module that cannot be imported is killed by that."""
    _limited(30.0)
    sys.meta_path.insert(0, _Stead({t.module: (t.path, m.code) for t, m in mutants.items()}))

    def at_once(killed_by: str) -> None:
        say({"key": TOGETHER, "killed_by": killed_by})
        os._exit(0)

    gc.disable()
    _settle(root)
    for target in mutants:
        try:
            importlib.import_module(target.module)
        except Exception as why:  # whatever it is, no test is needed
            at_once(f"{IMPORT}{why!r}")
    code = pytest.main([*PLUGINS, "-x", "--rootdir", str(root), *tests], plugins=[_First(first, at_once)])
    at_once("" if code == pytest.ExitCode.OK else f"collecting: {pytest.ExitCode(code).name}")


def _settle(root: Path) -> None:
    """The same examples for every mutant, none kept; only the plugins that are named."""
    os.chdir(root)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(root))
    from hypothesis import settings

    settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    settings.load_profile("mutants")


class _First:
    """Puts some tests first, then one case of each; remembers the first that failed, and with `at_once` says so and waits for no end."""

    failed = ""

    def __init__(self, first: Sequence[str] = (), at_once: Callable[[str], None] | None = None) -> None:
        self._places = {nodeid: place for place, nodeid in enumerate(first)}
        self._at_once = at_once

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        seen: dict[str, int] = {}
        for item in items:
            function = item.nodeid.split("[")[0]
            seen[function] = nth = seen.get(function, -1) + 1
            self._places.setdefault(item.nodeid, 1000 + nth)
        items.sort(key=lambda item: self._places[item.nodeid])

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed and self._at_once:
            self._at_once(f"collecting: {report.nodeid}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> None:
        """Before anything is made for people to read: that takes longer than the test."""
        if call.excinfo is not None and not self.failed and not isinstance(call.excinfo.value, pytest.skip.Exception):
            self.failed = item.nodeid
            if self._at_once:
                self._at_once(self.failed)

    def pytest_sessionfinish(self, exitstatus: int) -> None:
        if self._at_once and exitstatus == pytest.ExitCode.OK:
            self._at_once("")


def _collected(target: Target, mutants: Sequence[Mutant], killers: Killers, say: Report) -> None:
    """Collect once, learn which test runs which line, then fork for each mutant."""
    _settle(target.root)
    tracer = _Ran(target.path)
    sys.settrace(tracer)
    host = _Host(target, mutants, tracer, killers, say)
    code = pytest.main([*PLUGINS, "--rootdir", str(target.root), *target.tests], plugins=[host])
    if host.ran and not host.ended:
        say(
            {
                "fault": f"the tests of {target.file} were not played over every mutant ({code!r}); run them by pytest first"
            }
        )
    if not host.ran:
        say({"fault": f"the tests of {target.file} cannot be collected ({code!r}); run them by pytest first"})


class _Ran:
    """A trace function: which code of one file was entered, and which of its lines were run."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.codes: set[CodeType] = set()
        self.lines: set[int] = set()

    def __call__(self, frame: FrameType, *_: Any) -> Callable[..., Any] | None:
        if frame.f_code.co_filename != self._path:
            return None
        self.codes.add(frame.f_code)
        self.lines.add(frame.f_lineno)
        return self


class _Host:
    """Has the collected tests, and plays for each mutant those that run what is altered: what killed its neighbours first, then the quickest."""

    def __init__(self, target: Target, mutants: Sequence[Mutant], tracer: _Ran, killers: Killers, say: Report) -> None:
        self._target, self._mutants, self._tracer, self._say = target, mutants, tracer, say
        self._killers = killers
        self._live: dict[CodeType, list[FunctionType]] = {}
        self._callers: dict[CodeType, list[int]] = {}
        self._runners: dict[int, list[int]] = {}
        self._numbers: dict[str, int] = {}
        self._took_s: list[float] = []
        self.ran = self.ended = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        sys.settrace(None)
        if session.testsfailed or not session.items:
            return True
        self.ran = True
        self._numbers = {item.nodeid: number for number, item in enumerate(session.items)}
        tests = {str((self._target.root / test.split("::")[0]).parent) for test in self._target.tests}
        for name, module in sys.modules.items():
            path = getattr(module, "__file__", None) or ""
            if str(Path(path).parent) not in tests and name not in ("conftest", PLUGINS[1]):
                self._say({"loaded": [name]})
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename == self._target.path:
                self._live.setdefault(thing.__code__, []).append(thing)
        if not self._without(session):
            self.ended = True
            return True
        for mutant in self._mutants:
            self._mutant(session, mutant)
        self.ended = True
        return True

    def _without(self, session: pytest.Session) -> bool:
        """The tests without a mutant: all must pass; what each runs, and how long it takes."""
        learnt: dict[str, Any] = {}

        def work(say: Report) -> None:
            places = {code: place for place, code in enumerate(self._live)}
            watcher = _First()
            session.config.pluginmanager.register(watcher)
            for number, item in enumerate(session.items):
                tracer, before_s = _Ran(self._target.path), _cpu_s()
                sys.settrace(tracer)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                sys.settrace(None)
                calls = [places[code] for code in tracer.codes if code in places]
                took_s = _cpu_s() - before_s
                say({"number": number, "calls": calls, "lines": sorted(tracer.lines), "took_s": took_s})
            say({"failed": watcher.failed})

        codes, self._took_s = list(self._live), [0.0] * len(session.items)

        def told(document: dict[str, Any]) -> None:
            learnt.update(document)
            if "number" in document:
                self._took_s[document["number"]] = document["took_s"]
                for place in document["calls"]:
                    self._callers.setdefault(codes[place], []).append(document["number"])
                for line in document["lines"]:
                    self._runners.setdefault(line, []).append(document["number"])

        _listen(work, told)
        if learnt.get("failed", "no end"):
            self._say({"fault": f"{learnt.get('failed', 'a test')} fails without any mutant; mend it first"})
            return False
        return True

    def _mutant(self, session: pytest.Session, mutant: Mutant) -> None:
        chosen = self._chosen(mutant)
        if chosen is None:
            self._say({"key": mutant.key, "killed_by": None})
            return
        chosen_numbers, place = chosen
        first = [self._numbers[one] for one in self._killers.first(mutant) if one in self._numbers]
        numbers = [number for number in first if number in chosen_numbers]
        numbers += sorted(chosen_numbers - set(numbers), key=self._took_s.__getitem__)

        def told(document: dict[str, Any]) -> None:
            self._killers.learn(document["killed_by"])
            self._say(document)

        def work(say: Report) -> None:
            _limited(0.0)

            def at_once(killed_by: str) -> None:
                say({"key": mutant.key, "killed_by": killed_by})
                os._exit(0)

            session.config.pluginmanager.register(_First((), at_once))
            try:
                place()
            except Exception as why:  # a cell that cannot be written is no mutant that lives
                at_once(repr(why))
            for number in numbers:
                item = session.items[number]
                _limited(self._took_s[number])
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            at_once("")

        _listen(work, told, mutant.key)

    def _chosen(self, mutant: Mutant) -> tuple[set[int], Callable[[], None]] | None:
        """The tests to play and how the mutant is put in place; None where only a fresh import shows it."""
        if mutant.added:
            module = sys.modules[self._target.module]
            return set(range(len(self._took_s))), lambda: exec(mutant.added, module.__dict__)
        source = Path(self._target.path).read_text(encoding="utf-8")
        pairs = altered(compile(source, self._target.path, "exec", dont_inherit=True), mutant.code)
        if not pairs or any(was in self._tracer.codes or was not in self._live for was, _ in pairs):
            return None
        if any(was.co_freevars != now.co_freevars for was, now in pairs):
            return None
        lines = range(mutant.span[0], mutant.span[1] + 1)
        callers = {number for was, _ in pairs for number in self._callers.get(was, ())}
        runners = {number for line in lines for number in self._runners.get(line, ())}

        def place() -> None:
            for was, now in pairs:
                for function in self._live[was]:
                    function.__code__ = now

        return callers & runners or callers, place


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
