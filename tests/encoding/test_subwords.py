import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joint_ie.document import Document
from joint_ie.encoding.subwords import MARKER, Subwords, SubwordTokeniser, casing_class
from joint_ie.errors import InputError

ODD = ["", "\x00", "\u200b", "😀", "\u0301", " ", "ab", "Ça", "*", "a b", "\ufffd", "漢字"]
WORDS = st.lists(st.one_of(st.sampled_from(ODD), st.text(max_size=4)), min_size=1, max_size=8)


@pytest.fixture(scope="module", params=["tokenizer", "byte_level"])
def tokeniser(request: pytest.FixtureRequest, toy) -> SubwordTokeniser:
    return SubwordTokeniser(getattr(toy, request.param)())


def pieces(tokeniser: SubwordTokeniser, subwords: Subwords) -> list[str]:
    return tokeniser.tokenizer.convert_ids_to_tokens(subwords.ids.tolist())


@given(words=WORDS, data=st.data())
@settings(deadline=None)
def test_every_word_keeps_its_place(tokeniser: SubwordTokeniser, words: list[str], data: st.DataObject) -> None:
    document = Document.from_words("d", [words])
    start = st.integers(0, len(words) - 1)
    drawn = data.draw(st.lists(start.flatmap(lambda s: st.tuples(st.just(s), st.integers(s + 1, len(words))))))
    (plain,) = tokeniser.plain([document])
    (marked,) = tokeniser.marked([document], [drawn])
    for subwords in (plain, marked):
        assert ((subwords.word_end - subwords.word_start) >= 1).all()
        assert (subwords.word_start[1:] >= subwords.word_end[:-1]).all()
        assert tuple(subwords.ids[: len(tokeniser.prefix)]) == tokeniser.prefix
        assert tuple(subwords.ids[len(subwords.ids) - len(tokeniser.suffix) :]) == tokeniser.suffix
        assert len(subwords.casing) == len(subwords.ids)
        for i, word in enumerate(words):
            assert set(subwords.casing[subwords.word_start[i] : subwords.word_end[i]]) == {casing_class(word)}
    # every word has the same subwords in both views
    for i in range(len(words)):
        a, b = ((s.ids[s.word_start[i] : s.word_end[i]]).tolist() for s in (plain, marked))
        assert a == b
    # without markers only special tokens lie outside words; with them one for every start and every end
    assert plain.word_start[0] == len(tokeniser.prefix)
    assert (plain.word_start[1:] == plain.word_end[:-1]).all()
    assert plain.row.tolist() == plain.word_start.tolist()
    markers = len({s for s, _ in drawn}) + len({e for _, e in drawn})
    width = len(tokeniser.tokenizer([MARKER], is_split_into_words=True, add_special_tokens=False)["input_ids"])
    assert len(marked.ids) == len(plain.ids) + markers * width
    opening = [f"Ġ{MARKER}", MARKER]
    for start, end in drawn:
        assert pieces(tokeniser, marked)[marked.row[start]] in (opening[0], "Ġ", opening[1])
        assert marked.row[start] == marked.word_start[start] - width
        assert marked.casing[marked.row[start]] == 0
        assert pieces(tokeniser, marked)[marked.word_end[end - 1] + width - 1] in opening


def test_markers_by_hand(toy) -> None:
    tokeniser = SubwordTokeniser(toy.tokenizer())
    document = Document.from_words("d", [["ab", "", "\x00"], ["C", "x"]])
    (subwords,) = tokeniser.marked([document], [[(0, 1), (0, 2), (3, 4)]])
    expected = ["[CLS]", "*", "a", "##b", "*", "[UNK]", "*", "[UNK]", "*", "C", "*", "[UNK]", "[SEP]"]
    assert pieces(tokeniser, subwords) == expected
    assert subwords.word_start.tolist() == [2, 5, 7, 9, 11]
    assert subwords.word_end.tolist() == [4, 6, 8, 10, 12]
    assert [subwords.row[0], subwords.row[3]] == [1, 8]
    assert subwords.casing.tolist() == [0, 0, 1, 1, 0, 6, 0, 6, 0, 2, 0, 1, 0]


def test_special_tokens_can_be_left_out(toy) -> None:
    tokeniser = SubwordTokeniser(toy.tokenizer(), special_tokens=False)
    (subwords,) = tokeniser.plain([Document.from_words("d", [["ab"]])])
    assert pieces(tokeniser, subwords) == ["a", "##b"]
    (empty,) = tokeniser.plain([Document.from_words("d", [[]])])
    assert len(empty.ids) == len(empty.word_start) == 0


def test_unknown_token_may_have_number_0(toy) -> None:
    tokenizer = toy.tokenizer()
    tokenizer.unk_token, tokenizer.pad_token = "[PAD]", "[UNK]"
    (subwords,) = SubwordTokeniser(tokenizer).plain([Document.from_words("d", [["a", "\x00"]])])
    assert subwords.ids.tolist() == [2, 5, 0, 3]


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("curie", 1),
        ("u.s.", 1),
        ("Curie", 2),
        ("I", 2),
        ("NATO", 3),
        ("U.S.", 3),
        ("McDonald", 4),
        ("iPhone", 4),
        ("1990", 5),
        ("B2", 5),
        ("–", 6),
        ("", 6),
        ("😀", 6),
    ],
)
def test_casing(word: str, number: int) -> None:
    assert casing_class(word) == number


def test_slow_tokenizers_are_refused() -> None:
    class Slow:
        is_fast = False
        name_or_path = "some/model"

    with pytest.raises(InputError, match="some/model: needs a fast tokenizer"):
        SubwordTokeniser(Slow())


def test_real_tokenizer_keeps_every_word(shared) -> None:
    from joint_ie.models.checkpoint import load_tokenizer

    tokeniser = SubwordTokeniser(load_tokenizer(shared / "encoders" / "gte-small"))
    assert (len(tokeniser.prefix), len(tokeniser.suffix)) == (1, 1)
    (subwords,) = tokeniser.plain([Document.from_words("d", [ODD])])
    assert (subwords.word_end > subwords.word_start).all()
