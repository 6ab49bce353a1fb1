"""Which entities of different documents are one node of the graph.

Under every rule but ``none``, entities of one type that are linked to the same concept (`Entity.id`) are one node,
whatever their names, and entities of different concepts are different nodes. The others go by their names: they join
the node of a concept if the entities of their name and type are linked to one concept only, and each other otherwise.
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Literal, get_args

from joint_ie.document import Entity
from joint_ie.errors import InputError, check_range, nearest

RuleName = Literal["none", "exact", "normalised", "fuzzy"]
RULES: tuple[RuleName, ...] = get_args(RuleName)
UNNAMED = " "  # no normalised name starts with one
LOWEST_THRESHOLD = 75.0  # below it, similar names need not share two neighbouring letters (see `similar`)

# Ids that say where an entity stands in a file, not what it is: DocRED's and DWIE's 3, brat's T3, Label Studio's
# labels-3, e3 of column files. Those of different documents have nothing to do with each other.
_POSITION = re.compile(r"([TEe]|[a-z]+-)?\d+")

_TYPOGRAPHIC = str.maketrans("‘’‚‛′“”„‟″‐‑‒–—―−", "'''''\"\"\"\"\"-------")
_SURROUNDING = " \"'`´.,;:!?¡¿()[]{}<>«»‹›…、。「」『』【】《》"
_SPACED = re.compile(r" (?=[,.;:!?)\]}'])|(?<=[(\[{]) ")  # as tokenised corpora have it: Washington , D.C.
_READABLE = 60  # characters of a name in the id of a node
_HASH = 6  # bytes: among ids of the same first 60 letters, one in a hundred million million pairs is the same


@dataclass(frozen=True)
class MergeRule:
    """How the names of entities of one type are compared.

    - ``none``: not at all, every entity of every document is its own node (concepts do not matter either);
    - ``exact``: the same characters;
    - ``normalised``: the same after `normalise`;
    - ``fuzzy``: as ``normalised``, and names whose similarity reaches ``threshold`` (in percent) are joined as
      `joint_ie.graph.similar` says. The threshold is of no account to the other rules.
    """

    name: RuleName = "normalised"
    threshold: float = 90.0

    def __post_init__(self) -> None:
        if self.name not in RULES:
            raise InputError(
                f"merge rule {self.name!r} is unknown{nearest(str(self.name), RULES)}; take one of {', '.join(RULES)}"
            )
        check_range("threshold of merging", self.threshold, LOWEST_THRESHOLD, 100.0)
        object.__setattr__(self, "threshold", float(self.threshold) if self.name == "fuzzy" else 90.0)

    def key(self, document: str, position: int, entity: Entity) -> str:
        """What is compared: entities of one type and key are one node, unless concepts tell them apart.

        Entities without a name have nothing in common: each is its own, under a key that starts with `UNNAMED`.
        """
        if self.name == "none":
            return json.dumps([entity.name, document, position], ensure_ascii=False)
        key = entity.name if self.name == "exact" else normalise(entity.name)
        return key if key.strip() else UNNAMED + json.dumps([document, position], ensure_ascii=False)

    def concept(self, entity: Entity) -> str | None:
        """The concept that an entity is linked to, if its id is one and this rule goes by concepts."""
        id = (entity.id or "").strip()
        return None if self.name == "none" or not id or _POSITION.fullmatch(id) else id


def normalise(name: str) -> str:
    """A name without what writers vary: compatible characters, case, white space, quotes, dashes,
    and a leading "the".

    Punctuation around a name goes (not ``#``, ``+``, ``-``, ``%``, ``*``, which tell C from C# and 5 from -5). A name
    of which nothing would be left keeps its punctuation.
    """
    folded = unicodedata.normalize("NFKC", name).translate(_TYPOGRAPHIC).casefold()
    folded = _SPACED.sub("", " ".join(unicodedata.normalize("NFKC", folded).split()))
    bare = folded.strip(_SURROUNDING)
    return bare.removeprefix("the ").strip(_SURROUNDING) or bare or folded


def node_id(type: str, key: str, concept: str | None = None) -> str:
    """A readable id such as ``per-marie-curie``: of a type and concept, or of a type and key where there is no concept.

    Where type or name hold more than can be read back from that (punctuation, capitals of a name, small letters of a
    type, a long name, a concept), a short hash follows after two hyphens, which no readable part holds.
    """
    kind, readable = _slug(type), _slug(concept or key)
    start = "-".join(part for part in (kind, readable) if part)
    plain = type.isupper() and type.lower() == kind and "-" not in kind  # one hyphen ends the type
    if concept is None and plain and key == readable.replace("-", " ") != "":
        return start
    identity = [type, key] if concept is None else [type, concept, "concept"]
    digest = hashlib.blake2b(json.dumps(identity).encode(), digest_size=_HASH).hexdigest()
    return f"{start}--{digest}"


def _slug(text: str) -> str:
    """Letters and digits of any script in lower case, single hyphens between them; may be empty."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "-".join(re.findall(r"[^\W_]+", folded))[:_READABLE].strip("-")
