import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.document import Document, Entity, Relation
from joint_ie.errors import InputError
from joint_ie.evaluation import evaluate
from joint_ie.evaluation.relation_groups import (
    DOCRED_GROUPS,
    DOCRED_RELATIONS,
    head_and_tail,
    relation_counts,
    relation_groups,
)

Facts = set[tuple[int, int, str]]
RELATIONS = ("P2", "P9", "P10", "Q")
GROUPS = {"rare": ("P9", "Q"), "often": ("P2",), "none": ()}


def build(facts: Facts | list[tuple[int, int, str]] | None, id: str = "d") -> Document:
    document = Document.from_words(id, [["a", "b", "c"]])
    entities = [Entity("X", str(i), (document.mention(i, i + 1),)) for i in range(3)]
    return document.with_annotations(entities, None if facts is None else [Relation(*fact) for fact in facts])


facts = st.sets(st.tuples(st.integers(0, 2), st.integers(0, 2), st.sampled_from([*RELATIONS, "Z"])), max_size=12)


@given(facts, facts)
def test_groups_are_their_relations_alone(gold: Facts, predicted: Facts) -> None:
    """Against the same score of documents that have only the group's facts."""
    protocol = relation_groups(GROUPS, RELATIONS)
    assert protocol.measures == ("relations", "rare", "often")
    scores = evaluate(protocol, [build(gold)], [build(predicted)])
    assert (scores["relations"].predicted, scores["relations"].gold) == (len(predicted), len(gold))
    for name in ("rare", "often"):
        inside = [{fact for fact in side if fact[2] in GROUPS[name]} for side in (gold, predicted)]
        alone = evaluate(protocol, [build(inside[0])], [build(inside[1])])
        assert scores[name] == alone["relations"]
        assert scores.macro[name] == alone.macro[name]


def test_macro_averages_over_all_relations() -> None:
    gold = [build([(0, 1, "P9"), (0, 1, "Z")])]
    scores = evaluate(relation_groups(GROUPS, RELATIONS), gold, gold)
    assert scores.macro["relations"].f1 == 0.25  # three relations without facts count 0, and Z is none of the schema's
    assert scores.macro["rare"].f1 == 0.5
    assert list(scores.per_label["rare"]) == ["P9", "Q"]
    assert scores["relations"].gold == 2


def test_unannotated_documents_are_left_out() -> None:
    scores = evaluate(relation_groups(), [build(None)], [build([(0, 1, "P17")])])
    assert scores["frequent"].predicted == 0


def test_training_counts() -> None:
    documents = [build([(0, 1, "P2"), (0, 1, "P2"), (1, 0, "P2")], "1"), build([(0, 1, "P2")], "2"), build(None, "3")]
    assert relation_counts(documents) == {"P2": 3}


def test_head_and_tail() -> None:
    assert head_and_tail({"P2": 1, "Q": 5, "Z": 9}, ("P10", "P9", "P2", "Q"), head=1, tail=2) == {
        "head_group": ["Q"],
        "mid_group": ["P2"],
        "tail_group": ["P9", "P10"],  # equally rare: the smaller number first
    }
    assert head_and_tail({}, ("A", "B"), head=2, tail=0)["tail_group"] == []
    assert head_and_tail({}, ("A", "B"), head=0, tail=2)["head_group"] == []
    for head, tail in ((2, 1), (-1, 1), (1, -1)):
        with pytest.raises(InputError, match="do not fit in 2 relations"):
            head_and_tail({}, ("A", "B"), head, tail)


def test_groups_belong_to_the_schema() -> None:
    with pytest.raises(InputError, match='group "odd" has P9, which is not in the schema'):
        relation_groups({"odd": ("P9", "A")}, ("A",))


def test_docreds_lists() -> None:
    assert len(set(DOCRED_RELATIONS)) == 96
    sizes = {name: len(set(group)) for name, group in DOCRED_GROUPS.items()}
    assert sizes == {
        "at_least_500": 14,
        "fewer_than_500": 82,
        "fewer_than_200": 59,
        "fewer_than_100": 32,
        "frequent": 10,
        "long_tail": 86,
    }
