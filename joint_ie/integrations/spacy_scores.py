"""Scores of a pipeline with the component, as ``nlp.evaluate`` reports them."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate

from spacy.scorer import Scorer
from spacy.tokens import Doc
from spacy.training import Example

from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.spacy_docs import is_annotated, read_doc
from joint_ie.document import Document, Mention
from joint_ie.errors import InputError
from joint_ie.evaluation import end_to_end

MEASURES = ("mentions", "clusters", "entities", "relations", "relations_strict")


def scores(examples: Sequence[Example]) -> dict[str, object]:
    """spaCy's ``ents_p``, ``ents_r``, ``ents_f`` and ``ents_per_type``, and ours as ``joint_ie_relations_f`` and so on.

    Ours are micro scores by the protocol ``jerex``, over the examples whose reference says which mentions are one
    entity (as a DocBin of ours does, or with span groups ``coref_clusters_1`` ...); None where there are none, and for
    relations where no reference has them.
    """
    found: dict[str, object] = Scorer.score_spans(
        examples, "ents", has_annotation=lambda doc: doc.has_annotation("ENT_IOB")
    )
    found |= {f"joint_ie_{measure}_{letter}": None for measure in MEASURES for letter in "prf"}
    pairs = [
        _pair(example, f"example {number}")
        for number, example in enumerate(examples, start=1)
        if is_annotated(example.reference)
    ]
    if not pairs:
        return found
    measured = end_to_end([gold for gold, _ in pairs], [predicted for _, predicted in pairs])
    for measure in MEASURES:
        if measured.without_relations < measured.documents or not measure.startswith("relations"):
            score = measured[measure]
            for letter, value in zip("prf", (score.precision, score.recall, score.f1), strict=True):
                found[f"joint_ie_{measure}_{letter}"] = value
    return found


def _pair(example: Example, id: str) -> tuple[Document, Document]:
    """Reference and prediction, the latter without what other components put into ``doc.ents``."""
    gold = _by_character(_document(example.reference, id, singles=True))
    if is_annotated(example.predicted):
        predicted = _by_character(_document(example.predicted, id, singles=False))
    else:  # refused by the component
        predicted = replace(gold, entities=(), relations=())
    if gold.text.lower() != predicted.text.lower():  # spaCy compares words without regard to case, too
        raise InputError(f"{id}: reference and prediction are different texts; predict on the text of the reference")
    return gold, predicted


def _document(doc: Doc, id: str, singles: bool) -> Document:
    return replace(read_doc(doc, id, id, Repairs(), singles), id=id)


def _by_character(document: Document) -> Document:
    """With the characters other than white space as its tokens, because reference and prediction may have others."""
    before = list(accumulate((not character.isspace() for character in document.text), initial=0))

    def moved(mention: Mention) -> Mention:
        return replace(mention, start=before[mention.char_start], end=before[mention.char_end])

    return replace(
        document,
        text="".join(document.text.split()),
        tokens=tuple((i, i + 1) for i in range(before[-1])),
        sentence_spans=((0, before[-1]),),
        entities=tuple(replace(e, mentions=tuple(moved(mention) for mention in e.mentions)) for e in document.entities),
    )
