"""A graph in an Oxigraph store on disk, for SPARQL.

The default graph of the store mirrors the loaded graph: loading resource by resource writes what is new, replaces what
changed, and in the end removes what is gone, each batch in one transaction. What a killed load wrote is there, and
loading again goes on from it. Named graphs are left alone: they are the place for triples of one's own.

Beside Oxigraph's files lies ``joint-ie.json``: it holds the base of the IRIs, and whoever writes has an exclusive lock
on it, readers a shared one (Oxigraph lets them read while another process writes, and they may then find files gone).
``joint-ie.loading`` lies there until a load has ended.
"""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from joint_ie.errors import InputError
from joint_ie.graph.rdf import Seen, resources
from joint_ie.graph.store import GraphStore
from joint_ie.graph.vocabulary import BASE, STRING, WIKIDATA, Literal, Names, Resource, TripleTerm

if TYPE_CHECKING:
    from pyoxigraph import Quad, Store

logger = logging.getLogger(__name__)

MARK = "joint-ie.json"
LOADING = "joint-ie.loading"
BATCH = 20_000  # triples of a transaction, which Oxigraph holds in memory
_FORMAT = 1


@dataclass(frozen=True)
class Loaded:
    """What a load did to the resources of a store: they were ``new``, the ``same``, ``replaced`` or ``removed``."""

    new: int = 0
    same: int = 0
    replaced: int = 0
    removed: int = 0


def load_graph(graph: GraphStore, path: Path | str, base: str | None = None) -> Loaded:
    """Make the store in folder ``path``, which is created if need be, hold ``graph``; see the module.

    ``base`` is that of the store's IRIs (see `joint_ie.graph.vocabulary`): if None, what it was loaded with before.
    """
    path = Path(path)
    pyoxigraph()
    if path.exists() and not path.is_dir():
        raise InputError(f"{path}: is a file; name a folder for the store")
    if path.is_dir() and not (path / MARK).exists() and any(path.iterdir()):
        raise InputError(f"{path}: is a folder of something else; name a new one for the store")
    try:
        path.mkdir(parents=True, exist_ok=True)
        mark = (path / MARK).open("a+", encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    with mark, _locked(mark, path, exclusive=True):
        names = _names(mark) or _mark(mark, base or BASE)
        if base not in (None, names.base):
            raise InputError(f"{path}: was loaded with base {names.base}; leave the base out, or load into a new store")
        with trouble(path):
            (path / LOADING).touch()
            loaded = _load(graph, path, names)
            (path / LOADING).unlink()
    return loaded


@contextmanager
def reading(path: Path | str) -> "Iterator[tuple[Store, Names]]":
    """The store in folder ``path``, which nobody can write meanwhile, and the names in it."""
    path = Path(path)
    if not (path / MARK).is_file():
        raise InputError(f"{path}: is no store; make one with joint-ie graph load GRAPH {path}")
    try:
        mark = (path / MARK).open(encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    with mark, _locked(mark, path, exclusive=False):
        names = _names(mark)
        if names is None or not (path / "CURRENT").exists():
            raise InputError(f"{path}: its first load was interrupted; load again")
        if (path / LOADING).exists():
            logger.warning("%s: its last load was interrupted, so it holds a part; load again", path)
        with trouble(path):
            store = pyoxigraph().Store.read_only(str(path))
        yield store, names


def pyoxigraph() -> Any:
    """The optional library."""
    try:
        import pyoxigraph
    except ImportError:
        raise InputError("the store needs pyoxigraph; install it with: pip install 'joint-ie[graph]'") from None
    return pyoxigraph


@contextmanager
def trouble(path: Path) -> Iterator[None]:
    """What Oxigraph says about its files, as our error."""
    try:
        yield
    except BrokenPipeError:
        raise
    except (OSError, RuntimeError) as error:
        raise InputError(f"{path}: the store cannot be used ({' '.join(str(error).split())})") from None


def _load(graph: GraphStore, path: Path, names: Names) -> Loaded:
    oxigraph = pyoxigraph()
    store = oxigraph.Store(str(path))
    batch = _Batch(store)
    wanted = Seen()
    new = same = replaced = removed = 0
    for resource in resources(graph, names):
        wanted.add(resource.iri)
        quads = list(_quads(resource))
        stored = list(store.quads_for_pattern(quads[0].subject, None, None, oxigraph.DefaultGraph()))
        # The store writes numbers in its own way (1e-07 as 0.0000001) but knows them again.
        if len(stored) == len(quads) and all(quad in store for quad in quads):
            same += 1
            continue
        if stored:
            replaced += 1
        else:
            new += 1
        batch.change(stored, quads)
    batch.commit()
    # Oxigraph reads as of now, whatever is removed meanwhile, and keeps the triples of a subject together.
    everything = store.quads_for_pattern(None, None, None, oxigraph.DefaultGraph())
    for subject, group in groupby(everything, key=lambda quad: quad.subject):
        iri = getattr(subject, "value", "")
        if iri.startswith((names.base, WIKIDATA)) and iri not in wanted:
            removed += 1
            batch.change(list(group), [])
    batch.commit()
    store.flush()
    return Loaded(new, same, replaced, removed)


class _Batch:
    """Changes that are written together, or not at all."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self._gone: list[Quad] = []
        self._come: list[Quad] = []

    def change(self, gone: "list[Quad]", come: "list[Quad]") -> None:
        self._gone += gone
        self._come += come
        if len(self._gone) + len(self._come) >= BATCH:
            self.commit()

    def commit(self) -> None:
        if self._gone:
            gone, come = (" .\n".join(map(_triple, quads)) for quads in (self._gone, self._come))
            self._store.update(f"DELETE DATA {{\n{gone}\n}} ;\nINSERT DATA {{\n{come}\n}}")
        elif self._come:
            self._store.extend(self._come)
        logger.debug("%d triples written, %d removed", len(self._come), len(self._gone))
        self._gone, self._come = [], []


def _triple(quad: "Quad") -> str:
    return f"{quad.subject} {quad.predicate} {quad.object}"


def _quads(resource: Resource) -> "Iterator[Quad]":
    oxigraph = pyoxigraph()
    subject = oxigraph.NamedNode(resource.iri)
    for predicate, term in resource.properties:
        assert not isinstance(term, TripleTerm)  # the store holds reifications
        if isinstance(term, Literal):
            object = oxigraph.Literal(term.value, datatype=oxigraph.NamedNode(term.datatype or STRING))
        else:
            object = oxigraph.NamedNode(term)
        yield oxigraph.Quad(subject, oxigraph.NamedNode(predicate), object)


@contextmanager
def _locked(mark: TextIO, path: Path, exclusive: bool) -> Iterator[None]:
    """Hold the lock until the end, also an unexpected one: the system takes it back."""
    import fcntl

    try:
        fcntl.flock(mark, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        reason = "read or loaded" if exclusive else "loaded"
        raise InputError(f"{path}: is being {reason} by another process; wait until that has ended") from None
    try:
        yield
    finally:
        fcntl.flock(mark, fcntl.LOCK_UN)


def _names(mark: TextIO) -> Names | None:
    """What a mark says; None if it was not written to its end."""
    mark.seek(0)
    try:
        data = json.load(mark)
    except ValueError:
        return None
    if not isinstance(data, dict) or data.get("format") != _FORMAT or not isinstance(data.get("base"), str):
        raise InputError(f"{mark.name}: is of another version of joint-ie; load the graph into a new store")
    return Names(data["base"])


def _mark(mark: TextIO, base: str) -> Names:
    names = Names(base)
    mark.truncate(0)
    json.dump({"format": _FORMAT, "base": base}, mark)
    mark.flush()
    return names
