import logging

import pytest
import torch
from tokenizers import decoders

from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.linearisation import Syntax, ordered_relations
from joint_ie.encoding.source_target import IGNORED, SourceTargetSet, TextTokeniser, add_markers
from joint_ie.encoding.training_set import Budget
from joint_ie.errors import InputError
from joint_ie.schema import Schema

SCHEMA = Schema.from_names(["PER", "LOC"], {"P1": "a b", "P2": "ab"})


def word_pieces(toy):
    made = toy.tokenizer()
    made.backend_tokenizer.decoder = decoders.WordPiece()
    return made


def byte_level(toy):
    made = toy.byte_level()
    made.backend_tokenizer.decoder = decoders.ByteLevel()
    return made


@pytest.fixture(params=[word_pieces, byte_level])
def tokenizer(request, toy):
    return request.param(toy)


def tokeniser(tokenizer, max_source: int = 60, typed: bool = True) -> TextTokeniser:
    syntax = Syntax.build(SCHEMA, typed)
    add_markers(tokenizer, syntax)
    return TextTokeniser(tokenizer, syntax, max_source)


def encoded(made: TextTokeniser, text: str) -> list[int]:
    """A string whose markers are markers, with the end token."""
    return [*made.encode([made.syntax.parts(text)])[0], made.end_id]


def document() -> Document:
    """Three sentences of names that stand alone; facts between neighbours, and one across the text."""
    bare = Document.from_words("d", [["abc", "de", "a"], ["b", "cc", "d"], ["abc", "a", "e", "e"]])
    spans = {"abc": [(0, 1), (6, 7)], "de": [(1, 2)], "cc": [(4, 5)], "d": [(5, 6)], "e e": [(8, 10)]}
    entities = [Entity("PER", name, tuple(bare.mention(*span) for span in places)) for name, places in spans.items()]
    facts = [Relation(0, 1, "P1"), Relation(2, 3, "P2"), Relation(0, 4, "P1"), Relation(1, 3, "P1")]
    return bare.with_annotations(entities, facts)


@pytest.mark.parametrize("typed", [True, False])
def test_strings_survive(tokenizer, typed):
    made = tokeniser(tokenizer, typed=typed)
    given = document()
    text = made.syntax.write(given, ordered_relations(given, "text"))
    ids = encoded(made, text)
    assert ids[-1] == made.end_id and ids.count(made.marker_ids["<triplet>"]) == 3
    assert made.decode(ids) == text
    assert made.decode([*ids, made.pad_id, *ids]) == text  # nothing behind the end
    # markers stand apart even where the model wrote none of the spaces around them
    assert made.decode(encoded(made, "<triplet> <triplet> a")) == "<triplet> <triplet> a"
    assert made.encode([]) == [] and made.encode([[], [("", False)]]) == [[], []] and made.decode([]) == ""
    # fact by fact they have the same subwords
    facts = made.syntax.facts(given, ordered_relations(given, "text"))
    assert [i for fact in made.encode(facts) for i in fact] == ids[:-1]


def test_a_name_has_the_same_subwords_in_text_and_target(tokenizer):
    made = tokeniser(tokenizer)
    [source] = made.sources(document())
    ids = source.ids[source.words[8][0] : source.words[9][1]]
    assert encoded(made, "<triplet> e e")[1:-1] == list(ids)


def test_keys_are_what_the_tokenizer_leaves(toy):
    made = tokeniser(word_pieces(toy))
    assert made.keys(["a bc", "é", "", "\x07"]) == ["abc", "[UNK]", "", ""]
    assert tokeniser(byte_level(toy)).keys(["a bé ", "\x07"]) == ["abé", "\x07"]


SPECIAL = ["[SEP]", "</s>", "<pad>", "<s>", "<triplet>", "<per>", "<subj>"]


@pytest.mark.parametrize("typed", [True, False])
def test_what_reads_like_a_token_is_text(toy, typed):
    """Special tokens and markers that stand in a text neither end nor divide anything."""
    made = tokeniser(byte_level(toy), 300, typed)
    bare = Document.from_words("d", [["a", *SPECIAL, "b"], SPECIAL])
    [source] = made.sources(bare)
    inner = source.ids[source.words[0][0] : source.words[-1][1]]
    assert not {made.end_id, made.pad_id, *made.marker_ids.values()} & set(inner)
    entities = [Entity("PER", "", (bare.mention(0, 5),)), Entity("LOC", "", (bare.mention(5, 9),))]
    given = bare.with_annotations(entities, [Relation(0, 1, "P1"), Relation(1, 0, "P2")])
    [(_, target)] = taught(made, [given], max_target=300).examples
    names = [" ".join(["a", *SPECIAL[:4]]), " ".join([*SPECIAL[4:], "b"])]
    found = [item.triple for item in made.syntax.locate(made.parts(target))]
    assert [(t.head, t.relation, t.tail) for t in found] == [(names[0], "a b", names[1]), (names[1], "ab", names[0])]
    assert made.keys(names) == ["".join(name.split()) for name in names]
    # pieces know no brackets, but are not ended, either
    pieces = tokeniser(word_pieces(toy), 300, typed)
    [(_, target)] = taught(pieces, [given], max_target=300).examples
    assert target.index(pieces.end_id) == len(target) - 1
    assert len(pieces.syntax.locate(pieces.parts(target))) == 2


@pytest.mark.parametrize("size", [60, 13, 5])
def test_ends_of_sentences(toy, size):
    made = tokeniser(word_pieces(toy), max_source=size)
    given = document()
    last_words = {last - 1 for _, last in given.sentence_spans}
    for source in made.sources(given):
        start, end = source.span
        expected = [source.words[w - start][1] for w in range(start, end) if w in last_words or w == end - 1]
        assert list(source.sentence_ends) == expected


def test_long_documents_are_cut_between_sentences(toy):
    whole = tokeniser(word_pieces(toy))
    given = document()
    assert [source.span for source in whole.sources(given)] == [(0, 10)]
    [everything] = whole.sources(given)
    small = tokeniser(word_pieces(toy), max_source=13)
    windows = small.sources(given)
    assert [source.span for source in windows] == [(0, 6), (6, 10)]  # 6 + 4 pieces, then 6
    inner = [i for source in windows for i in source.ids[1:-1]]
    assert inner == list(everything.ids[1:-1])
    for source in windows:
        assert len(source.ids) <= 13
        assert source.ids[0] == everything.ids[0] and source.ids[-1] == everything.ids[-1]
        for word, (start, end) in zip(given.words[slice(*source.span)], source.words, strict=True):
            assert small.keys([word]) == [small.decode(source.ids[start:end]).replace(" ", "")]


def test_sentences_and_words_that_are_longer_than_a_window(toy):
    small = tokeniser(word_pieces(toy), max_source=5)
    given = Document.from_words("d", [["a", "b", "abcde", "a"], ["b", "c"]])
    windows = small.sources(given)
    assert [source.span for source in windows] == [(0, 2), (2, 3), (3, 6)]
    assert all(len(source.ids) <= 5 for source in windows)
    assert small.sources(Document("empty", "", (), ())) == []
    with pytest.raises(InputError, match="max_source = 2 leaves no room"):
        tokeniser(word_pieces(toy), max_source=2)


def taught(made: TextTokeniser, documents, max_target=60, budget=None, seed=0, shares=None) -> SourceTargetSet:
    shares = shares or [1.0] * len(documents)
    return SourceTargetSet(documents, shares, made, "text", max_target, budget or Budget(), seed)


def test_what_cannot_be_taught_is_counted(toy, caplog):
    caplog.set_level(logging.WARNING)
    whole, small = tokeniser(word_pieces(toy)), tokeniser(word_pieces(toy), max_source=13)
    full = taught(whole, [document()])
    assert not caplog.records
    assert len(full.examples) == 1
    bare = Document.from_words("bare", [["a"]])
    cut = taught(small, [document(), bare])
    assert "1 documents without relation annotation are left out" in caplog.text
    assert "no window" not in caplog.text  # "abc" comes again in the second window
    strings = [small.decode(target) for _, target in cut.examples]
    assert [len(small.syntax.read(text)) for text in strings] == [3, 1]

    caplog.clear()
    narrow = taught(whole, [document()], max_target=20)
    [(_, target)] = narrow.examples
    kept = len(whole.syntax.read(whole.decode(target)))
    assert len(target) <= 20 and 0 < kept < 4
    assert f"{4 - kept} facts are not taught: their text has more than 20 subwords" in caplog.text

    caplog.clear()
    for limit in range(1, 60):
        [(_, target)] = taught(whole, [document()], max_target=limit).examples
        relations = ordered_relations(document(), "text")
        strings = [encoded(whole, whole.syntax.write(document(), relations[:n])) for n in range(len(relations) + 1)]
        assert target == max((ids for ids in strings if len(ids) <= limit), key=len)

    caplog.clear()
    apart = tokeniser(word_pieces(toy), max_source=8)
    taught(apart, [document()])
    assert "1 facts are not taught: no window holds both entities" in caplog.text


def test_batches(toy):
    made = tokeniser(word_pieces(toy))
    documents = [toy.document(i) for i in range(9)]
    renamed = [
        d.with_annotations(
            [Entity("PER", e.name, e.mentions) for e in d.entities],
            [Relation(r.head, r.tail, "P1") for r in d.relations or ()],
        )
        for d in documents
    ]
    source = taught(made, renamed, budget=Budget(tokens=300, documents=3), seed=3)
    for epoch in range(2):
        batches = source(epoch)
        seen = []
        for position in range(len(batches)):
            batch = batches[position]
            assert torch.equal(batch.attention_mask == 0, batch.input_ids == made.pad_id)
            assert batch.labels.shape[0] == batch.input_ids.shape[0] <= 3
            assert batch.input_ids.numel() + batch.labels.numel() <= 300 or len(batch.labels) == 1
            for ids, mask, labels in zip(*(t.tolist() for t in vars(batch).values()), strict=True):
                found = (tuple(ids[: sum(mask)]), [i for i in labels if i != IGNORED])
                seen.append(next(i for i, (s, t) in enumerate(source.examples) if (s.ids, t) == found))
        assert sorted(seen) == list(range(9))
    again = taught(made, renamed, budget=Budget(tokens=300, documents=3), seed=3)
    assert again(1).groups == source(1).groups != source(0).groups
    assert sum(map(len, taught(made, renamed, shares=[0.3] * 9)(0).groups)) < 9
