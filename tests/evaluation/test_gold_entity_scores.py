from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import Scores, evaluate, gold_entities
from joint_ie.evaluation.docred import divided_as_published, docred
from joint_ie.evaluation.gold_entities import Stray, stray_tallies
from joint_ie.evaluation.gold_facts import NamedFact
from joint_ie.evaluation.tally import Tally

PEER_EPSILON = 1e-5


def build(relations: list[tuple[int, int, str]] | None, id: str = "d") -> Document:
    document = Document.from_words(id, [["Ann", "Annie", "Rome", "Oslo"]])
    entities = [
        Entity("PER", "Ann", (document.mention(0, 1), document.mention(1, 2, "Miss Annie"))),
        Entity("LOC", "Rome", (document.mention(2, 3),)),
        Entity("LOC", "Oslo", (document.mention(3, 4),)),
    ]
    return document.with_annotations(entities, None if relations is None else [Relation(*r) for r in relations])


@pytest.mark.parametrize(
    ("fact", "known"),
    [
        (("Ann", "Rome", "P19"), 1),
        (("Miss Annie", "Rome", "P19"), 1),
        (("Annie", "Rome", "P19"), 0),  # the corpus gives this mention another name than the text
        (("Rome", "Ann", "P19"), 0),
        (("Ann", "Rome", "P20"), 0),
        (("Ann", "Oslo", "P19"), 0),
    ],
)
def test_known_needs_both_names_and_the_relation(fact: NamedFact, known: int) -> None:
    scores = gold_entities([build([(0, 1, "P19")])], [build([(0, 1, "P19"), (0, 2, "P19")])], {fact})
    assert scores.counts["known"] == known
    assert (scores["relations_ign"].predicted, scores["relations_ign"].recall) == (2 - known, 1.0)


def test_only_right_facts_are_left_out() -> None:
    scores = gold_entities([build([(0, 1, "P19")])], [build([(0, 2, "P19")])], {("Ann", "Oslo", "P19")})
    assert scores.counts["known"] == 0
    assert scores["relations_ign"] == scores["relations"]


def test_repeats_and_direction() -> None:
    gold = [build([(0, 1, "P19"), (0, 1, "P19"), (0, 2, "P20")])]
    scores = gold_entities(gold, [build([(0, 1, "P19"), (0, 1, "P19"), (2, 0, "P20")])])
    counts = (scores["relations"].true_positives, scores["relations"].predicted, scores["relations"].gold)
    assert counts == (1, 2, 2)


def test_without_training_facts_there_is_no_ign_score() -> None:
    document = build([(0, 1, "P19")])
    data = gold_entities([document], [document]).to_dict()
    assert "relations_ign" not in data
    assert data["relations"]["f1"] == 1.0
    everything_known = gold_entities([document], [document], {("Ann", "Rome", "P19")}).to_dict()
    assert everything_known["relations_ign"]["f1"] == 0.0
    assert everything_known["known"] == 1
    assert gold_entities([document], [document], set()).to_dict()["relations_ign"]["f1"] == 1.0


def test_nothing_anywhere_scores_zero() -> None:
    assert gold_entities([], [], set()).to_dict()["relations"]["f1"] == 0.0
    assert gold_entities([build([])], [build([])], set()).to_dict()["relations_ign"]["f1"] == 0.0


def test_missing_and_unannotated_documents() -> None:
    facts = [(0, 1, "P19")]
    gold = [build(facts, "1"), build(facts, "2"), build(None, "3")]
    scores = gold_entities(gold, [build(facts, "2"), build(facts, "3")])
    assert (scores.documents, scores.missing, scores.without_relations) == (3, 1, 1)
    assert (scores["relations"].precision, scores["relations"].recall) == (1.0, 0.5)
    assert scores["relations"].predicted == 1


def test_bad_input_is_named() -> None:
    document = build([])
    with pytest.raises(InputError, match="'d' has 2 entities where gold has 3"):
        gold_entities([document], [replace(document, entities=document.entities[:2])])
    with pytest.raises(InputError, match="'e' is not among"):
        gold_entities([document], [replace(document, id="e")])
    with pytest.raises(InputError, match="negative"):
        gold_entities([document], [document], set(), ign_epsilon=-1e-5)


def test_evidence_counts_sentences_of_right_facts() -> None:
    gold = [evidence_document([(0, 1, "P19", (0, 1)), (1, 0, "P20", (2,)), (0, 2, "P20", ())])]
    predicted = [
        evidence_document([(0, 1, "P19", (1, 1, 2)), (1, 0, "P21", (2,)), (0, 2, "P20", (0,)), (0, 1, "P19", (0,))])
    ]
    scores = gold_entities(gold, predicted)
    counts = (scores["evidence"].true_positives, scores["evidence"].predicted, scores["evidence"].gold)
    # of the repeated fact, the first one's sentences 1 and 2; one sentence each of a wrong fact and of one without gold
    assert counts == (1, 4, 3)
    assert scores.counts == {"without_evidence": 0}


def test_documents_without_evidence_labels_are_counted() -> None:
    labelled, bare = [(0, 1, "P19", (0,))], [(0, 1, "P19", ())]
    gold = [
        evidence_document(labelled, "1"),
        evidence_document(bare, "2"),
        evidence_document([], "3"),
        evidence_document(None, "4"),
    ]
    predicted = [replace(document, relations=gold[0].relations) for document in gold]
    scores = gold_entities(gold, predicted)
    assert scores.counts["without_evidence"] == scores.to_dict()["without_evidence"] == 2
    assert scores["evidence"].f1 == 1.0
    assert scores["evidence"].predicted == 1
    everywhere = evaluate(docred(as_published=True), gold, predicted)
    assert (everywhere["evidence"].true_positives, everywhere["evidence"].predicted) == (1, 3)


def evidence_document(facts: list[tuple[int, int, str, tuple[int, ...]]] | None, id: str = "d") -> Document:
    """Entity 0 is in sentences 0 and 2, entity 1 in sentence 1, entity 2 in sentence 2."""
    document = Document.from_words(id, [["Ann", "."], ["Rome"], ["she", "left", "Oslo", "."]])
    entities = [
        Entity("PER", "Ann", (document.mention(0, 1), document.mention(3, 4))),
        Entity("LOC", "Rome", (document.mention(2, 3),)),
        Entity("LOC", "Oslo", (document.mention(5, 6),)),
    ]
    relations = None if facts is None else [Relation(h, t, r, evidence=e) for h, t, r, e in facts]
    return document.with_annotations(entities, relations)


def test_facts_within_and_across_sentences() -> None:
    gold = [evidence_document([(0, 1, "P19", ()), (2, 0, "P20", ()), (1, 2, "P21", ())])]
    predicted = [evidence_document([(0, 1, "P19", ()), (2, 0, "P19", ()), (0, 0, "P19", ()), (1, 0, "P19", ())])]
    scores = gold_entities(gold, predicted)
    intra, inter = scores["intra"], scores["inter"]
    assert (intra.true_positives, intra.predicted, intra.gold) == (0, 2, 1)
    assert (inter.true_positives, inter.predicted, inter.gold) == (1, 2, 2)


def test_only_candidates_are_scored() -> None:
    gold = [replace(build([(0, 1, "P19"), (0, 2, "P19")]), candidates=((0, 1), (1, 0)))]
    predicted = [build([(0, 1, "P19"), (1, 0, "P19"), (2, 0, "P19"), (0, 2, "P19")])]
    scores = gold_entities(gold, predicted, {("Ann", "Oslo", "P19")})
    counts = (scores["relations"].true_positives, scores["relations"].predicted, scores["relations"].gold)
    assert counts == (1, 2, 1)
    assert scores.counts["known"] == 0


def test_scores_by_relation() -> None:
    gold, predicted = [build([(0, 1, "P19"), (0, 2, "P20")])], [build([(0, 1, "P19"), (0, 2, "P19")])]
    scores = gold_entities(gold, predicted)
    assert scores.per_label["relations"]["P19"].precision == 0.5
    assert scores.per_label["relations"]["P20"].recall == 0.0
    assert scores.macro["relations"].f1 == pytest.approx(1 / 3)


def test_as_published_changes_nothing_else() -> None:
    gold, predicted = [build([(0, 1, "P19"), (0, 2, "P20")])], [build([(0, 1, "P19"), (0, 2, "P19")])]
    scores = gold_entities(gold, predicted, set())
    later = divided_as_published(scores)
    assert later["relations_ign"].precision == pytest.approx(1 / (2 + PEER_EPSILON), rel=1e-15)
    assert later == gold_entities(gold, predicted, set(), PEER_EPSILON)
    assert replace(later, micro=scores.micro) == scores
    assert divided_as_published(gold_entities(gold, predicted)) == gold_entities(gold, predicted)
    assert divided_as_published(scores, 0.0, spare_evidence=1)["evidence"].gold == 1


Facts = set[tuple[str, int, int, str]]
TITLES, PLACES, RELATIONS = "de", (0, 1, 2), "RS"
facts = st.sets(
    st.tuples(st.sampled_from(TITLES), st.sampled_from(PLACES), st.sampled_from(PLACES), st.sampled_from(RELATIONS)),
    max_size=12,
)
NAMES = ("Ann", "Rome", "Oslo")


def documents(listed: Iterable[tuple[str, int, int, str]]) -> list[Document]:
    listed = list(listed)
    return [build([fact[1:] for fact in listed if fact[0] == title], title) for title in TITLES]


def named(known: Facts) -> set[NamedFact]:
    """Names are the same in both documents."""
    return {(NAMES[head], NAMES[tail], relation) for _, head, tail, relation in known}


@given(facts, facts, facts, st.sampled_from([0.0, PEER_EPSILON]))
def test_ign_never_exceeds_f1(gold: Facts, predicted: Facts, known: Facts, epsilon: float) -> None:
    names = named(known)
    scores = gold_entities(documents(gold), documents(list(predicted) * 2), names, epsilon)
    ign = scores["relations_ign"]
    assert ign.f1 <= scores["relations"].f1
    assert ign.recall == scores["relations"].recall
    seen = {fact for fact in predicted & gold if (NAMES[fact[1]], NAMES[fact[2]], fact[3]) in names}
    assert scores.counts["known"] == len(seen)
    left = predicted - seen
    denominator = len(left) + epsilon
    right = len(left & gold)
    assert ign.precision == pytest.approx(right / denominator if denominator else 0.0, rel=1e-12)
    assert (ign.true_positives, ign.predicted, ign.gold) == (right, len(left), len(gold))


@given(st.lists(st.integers(0, 10**6), min_size=4, max_size=4), st.sampled_from([0.0, 1e-9, PEER_EPSILON]))
def test_ign_never_exceeds_f1_to_the_last_bit(parts: list[int], epsilon: float) -> None:
    known, unknown, wrong, missed = parts
    right = known + unknown
    plain = Tally(right, right + wrong, right, right + missed).score()
    assert Tally(unknown, unknown + wrong, right, right + missed).score(epsilon).f1 <= plain.f1


@given(facts, facts, facts)
def test_scores_are_sums_over_documents(gold: Facts, predicted: Facts, known: Facts) -> None:
    """Known facts, too: a document's tally does not depend on the others."""
    protocol = docred(named(known))
    parts = [protocol.count(*both) for both in zip(documents(gold), documents(predicted), strict=True)]
    scores = evaluate(protocol, documents(gold), documents(predicted))
    for measure in protocol.measures:
        rows = [tally for part in parts for (name, _), tally in part.items() if name == measure]
        assert sum(rows, Tally()).score() == scores[measure]


def with_strays(gold: list[Document], predicted: list[Document], strays: Iterable[Stray]) -> Scores:
    return gold_entities(gold, predicted, set(), strays=stray_tallies(docred(set()), gold, strays))


@given(facts, facts, st.sets(st.tuples(st.just("x"), st.integers(0, 9), st.integers(0, 9), st.sampled_from("RST"))))
def test_strays_stay_in_the_denominator(gold: Facts, predicted: Facts, strays: Facts) -> None:
    before = gold_entities(documents(gold), documents(predicted), set())
    after = with_strays(documents(gold), documents(predicted), [*strays, *strays])
    for measure in ("relations", "relations_ign"):
        assert after[measure].predicted == before[measure].predicted + len(strays)
        assert after[measure].true_positives == before[measure].true_positives
        assert after[measure].precision <= before[measure].precision
        assert after[measure].recall == before[measure].recall
    for measure in ("evidence", "intra", "inter"):
        assert after[measure] == before[measure]


def test_stray_sentences_count_where_evidence_does() -> None:
    gold = [evidence_document([(0, 1, "P19", (0,))], "1"), evidence_document([(0, 1, "P19", ())], "2")]
    outside = {"1": 2, "2": 3, "3": 4}
    assert stray_tallies(docred(), gold, (), outside) == {("evidence", ""): Tally(predicted=2)}
    assert stray_tallies(docred(as_published=True), gold, (), outside) == {("evidence", ""): Tally(predicted=5)}


@given(facts, facts)
def test_swapping_sides_swaps_precision_and_recall(gold: Facts, predicted: Facts) -> None:
    there = gold_entities(documents(gold), documents(predicted))
    back = gold_entities(documents(predicted), documents(gold))
    for measure in ("relations", "intra", "inter"):
        one, other = there[measure], back[measure]
        assert (one.precision, one.recall, one.f1) == (other.recall, other.precision, other.f1)


@given(facts, st.permutations(TITLES))
def test_order_does_not_matter(gold: Facts, order: list[str]) -> None:
    predicted = [replace(d, relations=d.relations[::-1]) for d in documents(gold) if d.relations is not None]
    predicted.sort(key=lambda document: order.index(document.id))
    assert gold_entities(documents(gold), predicted) == gold_entities(documents(gold), documents(gold))
    perfect = gold_entities(documents(gold), documents(gold))
    assert {perfect[measure].f1 for measure in ("relations", "intra", "inter")} <= {0.0, 1.0}
    assert perfect["relations"].f1 == float(bool(gold))
