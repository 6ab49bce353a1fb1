"""Only well-formed strings of names that stand in the text and of known relations: what may follow what is written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from joint_ie.encoding.linearisation import OBJECT, SUBJECT, TRIPLET
from joint_ie.encoding.source_target import Source, TextTokeniser


@dataclass
class Node:
    """A place in the tree of relation names; ``complete`` where a name ends."""

    next: dict[int, "Node"] = field(default_factory=dict)
    complete: bool = False

    @classmethod
    def tree(cls, sequences: Iterable[Sequence[int]]) -> "Node":
        """All ``sequences`` from one root."""
        root = cls()
        for sequence in sequences:
            node = root
            for i in sequence:
                node = node.next.setdefault(i, cls())
            node.complete = True
        return root


@dataclass(frozen=True)
class Writing:
    """What is being written: a ``head``, a ``tail``, a ``relation``, or nothing yet or any more (``edge``).

    ``places`` are the positions of the last subword of a name in the source, None before the first one; ``node`` is
    the place in the relation name.
    """

    part: str
    places: frozenset[int] | None = None
    node: Node | None = None


class Constraint:
    """The subwords that may come next; one object for all texts, which keeps nothing.

    ``(<triplet> NAME (BEFORE NAME AFTER RELATION)+)*``, where a name is any run of words of a sentence of the text.
    """

    def __init__(self, tokeniser: TextTokeniser) -> None:
        ids = tokeniser.marker_ids
        types = [i for marker, i in ids.items() if marker != TRIPLET]
        typed = bool(tokeniser.syntax.types)
        self.triplet = ids[TRIPLET]
        self.before = frozenset(types if typed else [ids[SUBJECT]])
        self.after = frozenset(types if typed else [ids[OBJECT]])
        self.end = tokeniser.end_id
        self.relations = Node.tree(tokeniser.encode([[(name, False)] for name in tokeniser.syntax.relations]))

    def text(self, source: Source) -> "ConstrainedText":
        """The constraint for one text."""
        return ConstrainedText(self, source)


class ConstrainedText:
    """What may follow any beginning of an output for one source; beginnings that were asked for are remembered."""

    def __init__(self, rules: Constraint, source: Source) -> None:
        self.rules = rules
        self.ids = source.ids
        self.starts = [start for start, _ in source.words]
        self.ends = {end - 1 for _, end in source.words}
        self.last = {end - 1 for end in source.sentence_ends}
        self.states: dict[tuple[int, ...], Writing] = {(): Writing("edge")}

    def allowed(self, written: Sequence[int]) -> list[int]:
        """The subwords that may follow; the end token alone behind an end."""
        rules = self.rules
        if rules.end in written:
            return [rules.end]
        state = self._state(tuple(written))
        if state.part == "edge":
            return sorted((rules.triplet, rules.end))
        if state.part == "relation":
            assert state.node is not None
            more = {rules.triplet, rules.end, *rules.before} if state.node.complete else set()
            return sorted(more | set(state.node.next))
        if state.places is None:
            return sorted({self.ids[i] for i in self.starts})
        following = {self.ids[i + 1] for i in state.places - self.last}
        if not state.places.isdisjoint(self.ends):
            following |= rules.before if state.part == "head" else rules.after
        return sorted(following)

    def _state(self, written: tuple[int, ...]) -> Writing:
        known = len(written)
        while written[:known] not in self.states:
            known -= 1
        state = self.states[written[:known]]
        for i in range(known, len(written)):
            state = self._after(state, written[i])
            self.states[written[: i + 1]] = state
        return state

    def _after(self, state: Writing, token: int) -> Writing:
        rules = self.rules
        if token == rules.triplet:
            return Writing("head")
        if state.part == "relation":
            assert state.node is not None
            if token in rules.before and state.node.complete:
                return Writing("tail")
            return Writing("relation", node=state.node.next[token])
        if state.part == "head" and token in rules.before:
            return Writing("tail")
        if state.part == "tail" and token in rules.after:
            return Writing("relation", node=rules.relations)
        places = self.starts if state.places is None else [i + 1 for i in state.places - self.last]
        return Writing(state.part, frozenset(i for i in places if self.ids[i] == token))
