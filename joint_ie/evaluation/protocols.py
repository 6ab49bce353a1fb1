"""All protocols by name, as people compare systems: the names of the command line and of the tables."""

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace
from typing import get_args

from joint_ie.document import Document
from joint_ie.errors import InputError, nearest
from joint_ie.evaluation.cdr import CDR
from joint_ie.evaluation.coreference import coreference
from joint_ie.evaluation.docred import docred
from joint_ie.evaluation.dwie import dwie
from joint_ie.evaluation.gold_facts import NamedFact
from joint_ie.evaluation.inference import INFERENCE
from joint_ie.evaluation.jerex import JEREX
from joint_ie.evaluation.partial import PARTIAL
from joint_ie.evaluation.protocol import Mode, Protocol, Scores, evaluate
from joint_ie.evaluation.rebel import rebel
from joint_ie.evaluation.related import RELATED
from joint_ie.evaluation.relation_groups import DOCRED_GROUPS, DOCRED_RELATIONS, head_and_tail, relation_groups
from joint_ie.evaluation.tag import tag
from joint_ie.evaluation.tagging import TAGGING


def protocols(
    mode: Mode,
    training_facts: Set[NamedFact] | None = None,
    relation_counts: Mapping[str, int] | None = None,
    relations: Sequence[str] | None = None,
) -> dict[str, Protocol]:
    """The protocols of a mode by name; the first is the default. With gold mentions they are those of end to end.

    Those whose name ends in ``as-published`` or ``as-listed`` repeat what an original scorer computes where that is
    not what it says (their descriptions tell); `standard` leaves them out. ``training_facts`` add the measures that
    leave facts known from training out, ``relation_counts`` (facts of every relation in training) the groups of
    frequent and rare relations. ``relations`` are the corpus's labels: REBEL's macro scores run over them, and only
    DocRED's are grouped by frequency.
    """
    if mode != "gold-entities":
        listed = [
            JEREX,
            tag(training_facts),
            rebel(relations),
            dwie(),
            PARTIAL,
            coreference(),
            coreference(singletons=False),
            TAGGING,
            tag(training_facts, as_published=True),
            dwie("dwie-as-published"),
            dwie("dwie-as-listed"),
            rebel(relations, ignore_unlisted=True),
            coreference(as_listed=True),
            coreference(singletons=False, as_listed=True),
        ]
    else:
        listed = [docred(training_facts), INFERENCE, RELATED, CDR, docred(training_facts, as_published=True)]
        if relations is None or set(relations) <= set(DOCRED_RELATIONS):
            rare = {} if relation_counts is None else head_and_tail(relation_counts)
            listed.insert(1, relation_groups({**DOCRED_GROUPS, **rare}))
    if mode == "gold-mentions":
        listed = [replace(p, mode=mode, description=f"mentions given; {p.description}") for p in listed]
    return {protocol.name: protocol for protocol in listed}


def standard(found: Mapping[str, Protocol]) -> dict[str, Protocol]:
    """Those that compute what they say."""
    return {name: protocol for name, protocol in found.items() if not name.endswith(("-as-published", "-as-listed"))}


def named(names: Iterable[str], known: Mapping[str, Protocol]) -> list[Protocol]:
    """The protocols of these names; ``all`` stands for the `standard` ones. `InputError` for an unknown name."""
    chosen: dict[str, Protocol] = {}
    for name in names:
        if name == "all":
            chosen |= standard(known)
        elif name in known:
            chosen[name] = known[name]
        else:
            raise InputError(_unknown(name, known))
    return list(chosen.values())


def _unknown(name: str, known: Mapping[str, Protocol]) -> str:
    """What to say of a name that is not among the ``known``: it may be that of a protocol of another mode."""
    here = {protocol.mode for protocol in known.values()}
    elsewhere = [mode for mode in get_args(Mode) if mode not in here and name in protocols(mode)]
    if elsewhere:
        return (
            f'protocol "{name}" is not one of mode {" or ".join(sorted(here))}, but of {" and ".join(elsewhere)}; '
            f"add --mode {elsewhere[0]}, or take one of {', '.join(known)}"
        )
    return f'protocol "{name}" is unknown{nearest(name, known)}; known are {", ".join(known)}, and all'


def end_to_end(gold: Iterable[Document], predicted: Iterable[Document], protocol: str = "jerex") -> Scores:
    """Compare documents in which everything was predicted, paired by id, by one of the end-to-end `protocols`.

    Raises `InputError` for an unknown protocol, for repeated or unknown ids, and for a prediction that is tokenised
    differently, because spans count tokens.
    """
    return _scored("end-to-end", gold, predicted, protocol)


def gold_mentions(gold: Iterable[Document], predicted: Iterable[Document], protocol: str = "jerex") -> Scores:
    """As `end_to_end`, where the predictor was given the mentions. `InputError` as well for other mentions than gold's.

    A missing prediction has no mentions, either.
    """
    return _scored("gold-mentions", gold, predicted, protocol)


def _scored(mode: Mode, gold: Iterable[Document], predicted: Iterable[Document], protocol: str) -> Scores:
    gold = list(gold)
    (chosen,) = named([protocol], protocols(mode, relations=corpus_relations(gold)))
    return evaluate(chosen, gold, predicted)


def corpus_relations(gold: Iterable[Document]) -> tuple[str, ...]:
    """The relations of a corpus without a schema: DocRED's 96 if it has no others, else those that occur."""
    found = {relation.type for document in gold for relation in document.relations or ()}
    return tuple(DOCRED_RELATIONS) if found and found <= set(DOCRED_RELATIONS) else tuple(sorted(found))
