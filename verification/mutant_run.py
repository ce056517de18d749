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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any, Final

import pytest

from hal.clock import SystemClock
from verification.mutate import Mutant, altered

BROKEN: Final = 3
TOGETHER: Final = "together"
WALL_S: Final = 300
CPU_S: Final = 5.0
CPU_TIMES: Final = 4.0
"""A mutant may take so many seconds of processor, and so many times what the tests take without it; one that takes more is killed by that."""
PLUGINS: Final = ("-p", "pytest_timeout", "-p", "no:cacheprovider", "-o", "timeout=0", "-o", "addopts=", "-q")

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


def play(target: Target, mutants: Sequence[Mutant], report: Report) -> None:
    """Every mutant once; `report` is told of each as {key, killed_by}, killed_by empty for a survivor."""
    anew: list[Mutant] = []
    by_key = {mutant.key: mutant for mutant in mutants}
    loaded: list[str] = []

    def told(document: dict[str, Any]) -> None:
        if "loaded" in document:
            loaded.extend(document["loaded"])
        elif "fault" in document:
            raise UnplayableError(document["fault"])
        elif document["killed_by"] is None:
            anew.append(by_key[document["key"]])
        else:
            report(document)

    _listen(lambda say: _collected(target, mutants, say), told)
    _load(loaded, target.module)
    for mutant in anew:
        report({"key": mutant.key, "killed_by": _anew(target, mutant)})


def _anew(target: Target, mutant: Mutant) -> str:
    """What kills a mutant that is imported anew: its own tests first, then the others."""
    for tests in (target.own, target.others):
        killed_by = play_together(target.root, {target: mutant}, tests) if tests else ""
        if killed_by:
            return killed_by
    return ""


def play_together(root: Path, pair: dict[Target, Mutant], tests: tuple[str, ...]) -> str:
    """What kills these mutants together; empty when nothing does."""
    heard: list[dict[str, Any]] = []
    _listen(lambda say: _imported_anew(root, pair, tests, say), heard.append, TOGETHER)
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
    seconds = int(CPU_S + CPU_TIMES * cpu_s) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))
    signal.alarm(WALL_S)


def _load(names: Sequence[str], without: str) -> None:
    """Import what does not rest on the module, once for all forks to come."""
    imports = {name: _imports(name) for name in names}
    resting = {without}
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


def _imports(name: str) -> set[str]:
    spec = _spec(name)
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        return set()
    found: set[str] = set()
    for node in ast.walk(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
    return found


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


def _imported_anew(root: Path, mutants: dict[Target, Mutant], tests: tuple[str, ...], say: Report) -> None:
    """One mutant (or several together) from the first import on; a module that cannot be imported is killed by that."""
    _limited(30.0)
    sys.meta_path.insert(0, _Stead({t.module: (t.path, m.code) for t, m in mutants.items()}))
    watcher = _First()
    _settle(root)
    code = pytest.main([*PLUGINS, "-x", "--rootdir", str(root), *tests], plugins=[watcher])
    killed_by = watcher.failed or ("" if code == pytest.ExitCode.OK else f"collecting: {pytest.ExitCode(code).name}")
    say({"key": TOGETHER, "killed_by": killed_by})


def _settle(root: Path) -> None:
    """The same examples for every mutant, none kept; only the plugins that are named."""
    os.chdir(root)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.path.insert(0, str(root))
    from hypothesis import settings

    settings.register_profile("mutants", derandomize=True, database=None, deadline=None)
    settings.load_profile("mutants")


class _First:
    """Remembers the first test that failed."""

    failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self.failed:
            self.failed = report.nodeid


def _collected(target: Target, mutants: Sequence[Mutant], say: Report) -> None:
    """Collect once, learn which test calls which function, then fork for each mutant."""
    _settle(target.root)
    tracer = _Called(target.path)
    sys.setprofile(tracer)
    host = _Host(target, mutants, tracer, say)
    code = pytest.main([*PLUGINS, "--rootdir", str(target.root), *target.tests], plugins=[host])
    if not host.ran:
        say({"fault": f"the tests of {target.file} cannot be collected ({code!r}); run them by pytest first"})


class _Called:
    """A profile function: which code of one file was entered."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.codes: set[CodeType] = set()

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_filename == self._path:
            self.codes.add(frame.f_code)


class _Host:
    """Has the collected tests, and plays for each mutant those that call what is altered, quickest first."""

    def __init__(self, target: Target, mutants: Sequence[Mutant], tracer: _Called, say: Report) -> None:
        self._target, self._mutants, self._tracer, self._say = target, mutants, tracer, say
        self._live: dict[CodeType, list[FunctionType]] = {}
        self._callers: dict[CodeType, list[int]] = {}
        self._took_s: list[float] = []
        self.ran = False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        sys.setprofile(None)
        if session.testsfailed or not session.items:
            return True
        self.ran = True
        rooms = {Path(f).parts[0] for f in ("hal/", "interlocks/", "controller/", self._target.file)}
        self._say({"loaded": [name for name in sys.modules if name.split(".")[0] in rooms]})
        self._say(
            {"loaded": [n for n in ("numpy", "numba", "msgspec", "transitions", "cryptography") if n in sys.modules]}
        )
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType) and thing.__code__.co_filename == self._target.path:
                self._live.setdefault(thing.__code__, []).append(thing)
        if not self._without(session):
            return True
        for mutant in self._mutants:
            self._mutant(session, mutant)
        return True

    def _without(self, session: pytest.Session) -> bool:
        """The tests without a mutant: all must pass; what each calls, and how long it takes."""
        learnt: dict[str, Any] = {}

        def work(say: Report) -> None:
            places = {code: place for place, code in enumerate(self._live)}
            clock, watcher = SystemClock(), _First()
            session.config.pluginmanager.register(watcher)
            for number, item in enumerate(session.items):
                tracer, before_s = _Called(self._target.path), clock.monotonic()
                sys.setprofile(tracer)
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                sys.setprofile(None)
                calls = [places[code] for code in tracer.codes if code in places]
                say({"number": number, "calls": calls, "took_s": clock.monotonic() - before_s})
            say({"failed": watcher.failed})

        codes, self._took_s = list(self._live), [0.0] * len(session.items)

        def told(document: dict[str, Any]) -> None:
            learnt.update(document)
            if "number" in document:
                self._took_s[document["number"]] = document["took_s"]
                for place in document["calls"]:
                    self._callers.setdefault(codes[place], []).append(document["number"])

        _listen(work, told)
        if learnt.get("failed", "no end"):
            self._say({"fault": f"{learnt.get('failed', 'a test')} fails without any mutant; mend it first"})
            return False
        for numbers in self._callers.values():
            numbers.sort(key=self._took_s.__getitem__)
        return True

    def _mutant(self, session: pytest.Session, mutant: Mutant) -> None:
        chosen = self._chosen(mutant)
        if chosen is None:
            self._say({"key": mutant.key, "killed_by": None})
            return
        numbers, place = chosen

        def work(say: Report) -> None:
            _limited(sum(self._took_s[number] for number in numbers))
            watcher = _First()
            session.config.pluginmanager.register(watcher)
            try:
                place()
            except Exception as why:  # a cell that cannot be written is no mutant that lives
                say({"key": mutant.key, "killed_by": repr(why)})
                return
            for number in numbers:
                item = session.items[number]
                item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
                if watcher.failed:
                    break
            say({"key": mutant.key, "killed_by": watcher.failed})

        _listen(work, self._say, mutant.key)

    def _chosen(self, mutant: Mutant) -> tuple[list[int], Callable[[], None]] | None:
        """The tests to play and how the mutant is put in place; None where only a fresh import shows it."""
        if mutant.added:
            everything = sorted(range(len(self._took_s)), key=self._took_s.__getitem__)
            module = sys.modules[self._target.module]
            return everything, lambda: exec(mutant.added, module.__dict__)
        source = Path(self._target.path).read_text(encoding="utf-8")
        pairs = altered(compile(source, self._target.path, "exec", dont_inherit=True), mutant.code)
        if not pairs or any(was in self._tracer.codes or was not in self._live for was, _ in pairs):
            return None
        if any(was.co_freevars != now.co_freevars for was, now in pairs):
            return None
        numbers = sorted({n for was, _ in pairs for n in self._callers.get(was, ())}, key=self._took_s.__getitem__)

        def place() -> None:
            for was, now in pairs:
                for function in self._live[was]:
                    function.__code__ = now

        return numbers, place
