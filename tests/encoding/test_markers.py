import pytest
from tokenizers import models
from transformers import PreTrainedTokenizerBase

from joint_ie.corpora import docred_schema
from joint_ie.document import Document
from joint_ie.encoding.batches import Collator, gold_spans
from joint_ie.encoding.markers import marker_numbers, typed_markers
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.subwords import SubwordTokeniser
from joint_ie.encoding.training_set import Budget, TrainingSet
from joint_ie.errors import InputError
from joint_ie.schema import Schema


@pytest.fixture(scope="module")
def tokenizer(toy) -> PreTrainedTokenizerBase:
    """The toy's, with BERT's pieces without a meaning."""
    made = toy.tokenizer()
    vocabulary = made.get_vocab()
    vocabulary |= {f"[unused{i}]": len(vocabulary) + i for i in range(100)}
    made.backend_tokenizer.model = models.WordPiece(vocabulary, unk_token="[UNK]")
    return made


def test_docred_has_the_published_numbers() -> None:
    numbers = dict(zip(docred_schema().entity_index, marker_numbers(docred_schema()), strict=True))
    assert numbers == {"ORG": 0, "LOC": 1, "TIME": 2, "PER": 3, "MISC": 4, "NUM": 5}


def test_other_types_follow() -> None:
    schema = Schema.from_names(["DRUG", "PER", "GENE", "ORG"], [])
    assert marker_numbers(schema) == (6, 3, 7, 0)


def test_markers_are_all_different_as_long_as_there_are_some() -> None:
    markers = [marker for number in range(25) for marker in typed_markers(number)]
    assert len(set(markers)) == 50 and markers[-1] == "[unused99]"  # the last that a cased BERT has
    with pytest.raises(InputError, match=r"typed-markers can tell 25 .*use input = markers"):
        typed_markers(25)


def test_typed_markers_by_hand(tokenizer: PreTrainedTokenizerBase) -> None:
    document = Document.from_words("d", [["ab", "[unused1]", "C"]])
    spans, types = [(0, 1), (2, 3), (0, 3), (1, 2)], [3, 0, 1, 2]
    (subwords,) = SubwordTokeniser(tokenizer).marked([document], [spans], [types])
    # what starts or ends where something else did has the markers of the first; and text is never a marker
    expected = "[CLS] [unused7] a ##b [unused57] [unused5] [UNK] [UNK] [UNK] [unused55] [unused1] C [unused51] [SEP]"
    assert tokenizer.convert_ids_to_tokens(subwords.ids.tolist()) == expected.split()
    assert subwords.row.tolist() == [1, 5, 10]
    assert subwords.word_start.tolist() == [2, 6, 11]
    assert subwords.word_end.tolist() == [4, 9, 12]
    assert subwords.casing.tolist() == [0, 0, 1, 1, 0, 0, 5, 5, 5, 0, 0, 2, 0, 0]


def test_typed_and_plain_markers_stand_at_the_same_places(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    collator = Collator(SubwordTokeniser(tokenizer), 200, 3)
    documents = [toy.document(i, sentences=1 + i) for i in range(4)]
    entities = [gold_spans(document) for document in documents]
    types = [[(i + j) % 5 for j in range(len(group))] for i, group in enumerate(entities)]
    plain, typed = collator.marked(documents, entities), collator.marked(documents, entities, types)
    different = (plain.windows.input_ids != typed.windows.input_ids).flatten()
    stars = (plain.windows.input_ids == tokenizer.convert_tokens_to_ids("*")).flatten()
    assert different.tolist() == stars.tolist()
    assert typed.word_row.tolist() == plain.word_row.tolist()


def test_training_names_the_gold_types(toy, tokenizer: PreTrainedTokenizerBase) -> None:
    collator = Collator(SubwordTokeniser(tokenizer), 200, 3)
    documents = [toy.document(i) for i in range(2)]
    source = TrainingSet(
        documents, [1.0, 1.0], toy.SCHEMA, collator, Negatives(), 5, Budget(), 0, plain=False, marked=True, typed=True
    )
    number = {"PER": 3, "LOC": 1, "ORG": 0}
    expected = collator.marked(
        documents,
        [gold_spans(document) for document in documents],
        [[number[entity.type] for entity in document.entities] for document in documents],
    )
    found = source.batch([(0,), (1,)], epoch=0).given.marked
    assert found.windows.input_ids.tolist() == expected.windows.input_ids.tolist()


@pytest.mark.parametrize("kind", ["tokenizer", "byte_level"])
def test_tokenizers_without_such_pieces_are_refused(toy, kind: str) -> None:
    tokeniser = SubwordTokeniser(getattr(toy, kind)())
    document = Document.from_words("d", [["a"]])
    with pytest.raises(InputError, match=r"needs an encoder whose tokenizer has \[unused1\].*use input = markers"):
        tokeniser.marked([document], [[(0, 1)]], [[0]])
    tokeniser.marked([document], [[(0, 1)]])
