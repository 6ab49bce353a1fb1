import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.corpora import load_corpus, read_facts
from joint_ie.corpora.label_regimes import hide_relations, keep_known
from joint_ie.document import Document, Entity, Relation


def facts(document: Document) -> set[tuple[int, int, str]]:
    return {(r.head, r.tail, r.type) for r in document.relations}


def crowded(toy, seed: int, entities: int = 12) -> Document:
    """A document in which every pair has a relation."""
    return toy.document(seed, entities=entities, relations=entities * (entities - 1))


@given(seed=st.integers(0, 1000), low=st.floats(0, 1), high=st.floats(0, 1))
@settings(max_examples=30)
def test_what_is_hidden_stays_hidden_when_more_is(toy, seed: int, low: float, high: float) -> None:
    low, high = sorted((low, high))
    document = crowded(toy, seed)
    most, fewest = hide_relations(document, low, 1), hide_relations(document, high, 1)
    assert facts(fewest) <= facts(most) <= facts(document)
    assert replace(fewest, relations=document.relations) == document


def test_the_share_is_hidden_and_every_seed_hides_others(toy) -> None:
    documents = [crowded(toy, seed) for seed in range(20)]  # 2640 relations
    total = sum(len(document.relations) for document in documents)
    kept = {}
    for seed in (1, 2):
        kept[seed] = [relation for document in documents for relation in hide_relations(document, 0.3, seed).relations]
        assert abs(len(kept[seed]) / total - 0.7) < 0.04  # standard deviation 0.009
    assert kept[1] != kept[2]
    assert hide_relations(documents[0], 0.0, 1) is documents[0]
    assert hide_relations(documents[0], 1.0, 1).relations == ()


def test_neither_order_nor_company_matters(toy) -> None:
    document = crowded(toy, 3)
    relations = list(document.relations)
    random.Random(1).shuffle(relations)
    shuffled = replace(document, relations=tuple(relations))
    assert facts(hide_relations(shuffled, 0.5, 1)) == facts(hide_relations(document, 0.5, 1))
    fewer = replace(document, relations=document.relations[::2])
    assert facts(hide_relations(fewer, 0.5, 1)) == facts(fewer) & facts(hide_relations(document, 0.5, 1))
    # the same relations of a document with another name are drawn anew
    assert facts(hide_relations(replace(document, id="another"), 0.5, 1)) != facts(hide_relations(document, 0.5, 1))


def test_nothing_to_hide_is_not_nothing_annotated(toy) -> None:
    bare = toy.document(1, relations=None)
    assert hide_relations(bare, 0.5, 1).relations is None
    assert keep_known(bare, frozenset()).relations is None


def test_known_by_any_names_of_both() -> None:
    bare = Document.from_words("d", [["Ann", "and", "Annie", "saw", "Oslo", "and", "Rome"]])
    entities = (
        Entity("PER", "Ann", (bare.mention(0, 1), bare.mention(2, 3))),
        Entity("LOC", "Oslo", (bare.mention(4, 5),)),
        Entity("LOC", "Rome", (bare.mention(6, 7, name="Roma"),)),
    )
    listed = [Relation(0, 1, "P19"), Relation(0, 1, "P20"), Relation(1, 0, "P19"), Relation(0, 2, "P19")]
    document = bare.with_annotations(entities, listed)
    known = {("Annie", "Oslo", "P19"), ("Ann", "Roma", "P19")}
    assert keep_known(document, known).relations == (listed[0], listed[3])
    assert keep_known(document, set()).relations == ()


def test_half_of_the_real_labels(shared) -> None:
    documents = load_corpus(shared / "data" / "redocred" / "dev_revised.json")
    kept = sum(len(hide_relations(document, 0.5, 1).relations) for document in documents)
    assert abs(kept / 17284 - 0.5) < 0.015  # standard deviation 0.004


def test_two_label_sources_have_the_same_documents(shared) -> None:
    """Original labels and those of Re-DocRED, wherever both are at hand; the facts file gives the former back."""
    original = {d.id: d for d in load_corpus(shared / "data" / "docred_joint" / "dev_joint_263.json")}
    known = read_facts(shared / "data" / "docred" / "train_annotated.fact")
    spans = {}
    for part, shared_documents, unchanged in (("train_partial_992", 78, 74), ("dev_revised", 27, 24)):
        revised = {d.id: d for d in load_corpus(shared / "data" / "redocred" / f"{part}.json")}
        both = sorted(original.keys() & revised.keys())
        assert len(both) == shared_documents
        assert all(original[name].text == revised[name].text for name in both)
        assert len({d.text for d in original.values()} & {d.text for d in revised.values()}) == shared_documents
        for source in (original, revised):
            spans[id(source)] = {n: [[m.span for m in e.mentions] for e in source[n].entities] for n in both}
        # Re-DocRED has merged entities of the others
        same = [name for name in both if spans[id(original)][name] == spans[id(revised)][name]]
        assert len(same) == unchanged
        old, new = (sum(len(facts(source[name])) for name in same) for source in (original, revised))
        assert old < 0.5 * new  # more than half are missing
        if part == "train_partial_992":
            recovered = {name: facts(keep_known(revised[name], known)) for name in same}
            wanted = {name: facts(original[name]) & facts(revised[name]) for name in same}
            assert all(wanted[name] <= recovered[name] for name in same)
            assert sum(map(len, recovered.values())) <= 1.09 * sum(map(len, wanted.values()))
