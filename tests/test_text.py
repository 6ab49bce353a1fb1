"""Raw text: offsets into the text as given, sentences, tokens like DocRED's."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joint_ie.errors import InputError
from joint_ie.text import Tokeniser

ENGLISH = Tokeniser()


def sentences(text: str) -> list[str]:
    return [sentence.text for sentence in ENGLISH(text).sentences]


@given(st.text(st.sampled_from("Aab.?! \n\t\r\"'()-–19“”。\u2028\xa0") | st.characters(codec="utf-8"), max_size=60))
def test_tokens_cover_the_text(text: str) -> None:
    document = ENGLISH(text, "x")
    document.validate()
    assert document.text == text and document.id == "x" and document.relations is None
    assert all(text[start:end] == word for (start, end), word in zip(document.tokens, document.words, strict=True))
    assert "".join(document.words) == "".join(c for c in text if not c.isspace()) or "\xa0" in text
    assert not any(word.isspace() for word in document.words)
    assert all(start < end for start, end in document.sentence_spans)


@pytest.mark.parametrize(
    "split",
    [
        ["One.", "Two!", "Three?", "Four"],
        ["Dr. J. K. Rowling met J.R.R. Tolkien in St. Louis.", "It rained."],
        ["He moved to the U.S. Army base in Washington, D.C. as a boy."],
        ["He moved to the U.S.", "He died there in World War I.", "The end."],
        ["Lt. Col. Smith lives at No. 5, approx. 3 km away, e.g. by bus."],
        ["She works for Acme Inc. and Foo Co. Ltd.", "They pay.", "Ann does not."],
        ['"Stop!" he said.', '"Go!"', "He went (as he does.)", "Then he came."],
        ["What?!", "Yahoo! is big...", "Is it?"],
        ["This was in 1998.", "1,200 people came to the College of Art.", "No.", "Fish, p. 3."],
        ["He said “go.”", "“No.”", "‘Well…’", "Fine."],
    ],
)
def test_sentences(split: list[str]) -> None:
    assert sentences(" ".join(split)) == split


def test_blank_lines_end_sentences_and_line_breaks_do_not() -> None:
    text = "A Title\n\nA first\nsentence. A second\r\n \r\n- and a third"
    assert sentences(text) == ["A Title", "A first\nsentence.", "A second", "- and a third"]


@pytest.mark.parametrize("text", ["", " ", "\n\t\n \xa0"])
def test_nothing_to_read(text: str) -> None:
    document = ENGLISH(text)
    assert document.tokens == () and document.sentence_spans == () and document.text == text


def test_tokens_are_split_as_in_docred() -> None:
    text = "Ann's well-known 15-year plan (1895–May 1900) wasn't \"cheap\", it cost $5,000."
    expected = "Ann 's well - known 15-year plan ( 1895 – May 1900 ) was n't \" cheap \" , it cost $ 5,000 ."
    assert " ".join(ENGLISH(text).words) == expected


def test_real_sentences(shared: Path) -> None:
    """Re-DocRED sentences, glued to raw text, come apart at the same places."""
    right = total = found = 0
    for record in json.loads((shared / "data/redocred/dev_revised.json").read_text(encoding="utf-8"))[:50]:
        text, starts = "", set()
        for sentence in record["sents"]:
            starts.add(len(text))
            text += " ".join(sentence).replace(" .", ".").replace(" ,", ",").replace("( ", "(").replace(" )", ")") + " "
        document = ENGLISH(text)
        own = {document.tokens[sentence.start][0] for sentence in document.sentences}
        right, total, found = right + len(own & starts), total + len(starts), found + len(own)
    assert right / total > 0.96 and right / found > 0.98


def test_long_texts() -> None:
    sentence = "Marie Curie was born in Warsaw. "
    document = ENGLISH(sentence * 6300)  # 201,600 characters
    assert len(document.sentences) == 6300 and len(document.tokens) == 6300 * 7
    document = ENGLISH("Start " + "(" * 200_000 + " end. " * 200_000)  # 1.4 million, over spaCy's own limit
    assert document.words[-2:] == ("end", ".")


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("de", "„So ist es.“ Dann kam der 3. Oktober.", ["„So ist es.“", "Dann kam der 3. Oktober."]),
        ("zh", "他说。“我是谁？”她笑了。", ["他说。", "“我是谁？”", "她笑了。"]),
        ("xx", "Un. Deux.", ["Un.", "Deux."]),
    ],
)
def test_other_languages(language: str, text: str, expected: list[str]) -> None:
    document = Tokeniser(language)(text)
    assert [sentence.text for sentence in document.sentences] == expected


@pytest.mark.parametrize("language", ["eng", "", "EN", "punctuation", "../en"])
def test_unknown_languages(language: str) -> None:
    with pytest.raises(InputError, match="is not known to spaCy"):
        Tokeniser(language)


def test_half_characters_are_refused() -> None:
    with pytest.raises(InputError, match="document 'd': character 1 is half of a surrogate pair"):
        ENGLISH("a\ud83d", "d")


@pytest.mark.parametrize(
    ("language", "text", "said"),
    [
        ("en", "居里夫人出生于华沙。", "most of its letters are not Latin"),
        ("en", "Мария Кюри родилась в Варшаве (Warsaw).", "most of its letters are not Latin"),
        ("zh", "Marie Curie was born in Warsaw.", "most of its letters are Latin"),
        ("en", "Marie Skłodowska-Curie, née à Varsovie, in Việt Nam; 居里夫人.", ""),
        ("en", "1867 – 1934!", ""),
        ("zh", "居里夫人出生于华沙 (Warsaw)。", ""),
        ("ru", "Мария Кюри", ""),
        ("xx", "居里夫人", ""),
    ],
)
def test_another_script_than_the_language_has_is_warned_of_once(
    language: str, text: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    tokenise = Tokeniser(language)
    for _ in range(2):
        tokenise(text, "doc-7")
    messages = [record.getMessage() for record in caplog.records]
    assert len(messages) == bool(said)
    assert all(said in message and "'doc-7'" in message for message in messages)
