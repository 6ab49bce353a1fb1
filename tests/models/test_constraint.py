"""What may be written: random walks stay well-formed, and everything well-formed can be written."""

import random

import pytest
from tokenizers import decoders

from joint_ie.document import Document
from joint_ie.encoding.linearisation import Syntax, ordered_relations
from joint_ie.encoding.source_target import TextTokeniser, add_markers
from joint_ie.models.constraint import Constraint
from joint_ie.schema import Schema

RELATIONS = {"P1": "a b", "P2": "a b c", "P3": "d", "P4": "abc"}
SCHEMA = Schema.from_names(["PER", "LOC", "ORG"], RELATIONS)


def tokeniser(toy, typed: bool) -> TextTokeniser:
    tokenizer = toy.tokenizer()
    tokenizer.backend_tokenizer.decoder = decoders.WordPiece()
    syntax = Syntax.build(SCHEMA, typed)
    add_markers(tokenizer, syntax)
    return TextTokeniser(tokenizer, syntax, 100)


@pytest.mark.parametrize("typed", [True, False])
def test_random_walks_are_well_formed_and_stand_in_the_text(toy, typed):
    made = tokeniser(toy, typed)
    rules = Constraint(made)
    draw = random.Random(4)
    facts = 0
    for seed in range(30):
        document = toy.document(seed)
        [source] = made.sources(document)
        text = rules.text(source)
        written: list[int] = []
        while made.end_id not in written and len(written) < 200:
            allowed = text.allowed(written)
            assert allowed == sorted(set(allowed))
            written.append(draw.choice(allowed))
        assert text.allowed([*written, made.end_id]) == [made.end_id]
        assert text.allowed(written[:3]) == rules.text(source).allowed(written[:3])  # whatever was asked before
        sentences = ["".join(f" {w}" for w in document.words[slice(*span)]) + " " for span in document.sentence_spans]
        triples = made.syntax.read(made.decode(written))
        if made.end_id not in written:
            triples = triples[:-1]
        for triple in triples:
            assert triple.relation in made.syntax.relations
            assert all(any(f" {name} " in words for words in sentences) for name in (triple.head, triple.tail))
            assert not typed or (triple.head_type in SCHEMA.entity_index and triple.tail_type in SCHEMA.entity_index)
        assert len(triples) >= (written.count(made.marker_ids["<triplet>"]) if made.end_id in written else 0)
        facts += len(triples)
    assert facts > 20


@pytest.mark.parametrize("typed", [True, False])
def test_what_is_taught_can_be_written(toy, typed):
    made = tokeniser(toy, typed)
    rules = Constraint(made)
    for seed in range(20):
        document = toy.document(seed)
        [source] = made.sources(document)
        target = made.encode(made.syntax.facts(document, ordered_relations(document, "text")))
        ids = [*(i for fact in target for i in fact), made.end_id]
        text = rules.text(source)
        for i, token in enumerate(ids):
            assert token in text.allowed(ids[:i]), made.decode(ids[:i])


@pytest.mark.parametrize("max_source", [100, 7])
def test_a_name_stays_inside_a_sentence(toy, max_source):
    """Every name that can be written is a run of words of one sentence, and every such run can be; in windows, too."""
    made = tokeniser(toy, True)
    made = TextTokeniser(made.tokenizer, made.syntax, max_source)
    document = Document.from_words("d", [["a", "bc", "a"], ["bc", "de"], ["e", "e"]])
    sources = made.sources(document)
    assert len(sources) == (1 if max_source == 100 else 3)
    written = set()
    for source in sources:
        text = Constraint(made).text(source)
        waiting = [[made.marker_ids["<triplet>"]]]
        while waiting:
            ids = waiting.pop()
            for token in text.allowed(ids):
                if token in made.marker_ids.values():
                    written.add(made.decode(ids[1:]))
                else:
                    waiting.append([*ids, token])
    assert written == {
        " ".join(document.words[i:j])
        for start, end in document.sentence_spans
        for i in range(start, end)
        for j in range(i + 1, end + 1)
    }
