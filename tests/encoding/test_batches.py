import torch

from joint_ie.document import Document
from joint_ie.encoding.batches import Batch, Collator, gold_spans, words_of
from joint_ie.encoding.index import MentionIndex
from joint_ie.encoding.subwords import SubwordTokeniser


def collator(toy, max_length: int = 200, overlap: int = 3, special_tokens: bool = True) -> Collator:
    return Collator(SubwordTokeniser(toy.tokenizer(), special_tokens), max_length, overlap)


def test_words_and_sentences_are_numbered_over_the_batch() -> None:
    documents = [
        Document.from_words("a", [["x", "y"], [], ["z"]]),
        Document.from_words("b", [["x"], ["y", "z"]]),
    ]
    words = words_of(documents)
    assert words.offset.tolist() == [0, 3, 6]
    assert words.sentence.tolist() == [0, 0, 2, 3, 4, 4]


def test_a_view_is_its_documents_one_after_the_other(toy) -> None:
    documents = [toy.document(i, sentences=1 + i) for i in range(4)]
    for special_tokens in (True, False):
        for made in (collator(toy, special_tokens=special_tokens), collator(toy, 12, 3, special_tokens)):
            for marked in (False, True):
                entities = [gold_spans(document) for document in documents]
                view = made.marked(documents, entities) if marked else made.plain(documents)
                spans = [[span for entity in document for span in entity] for document in entities]
                alone = made.tokeniser.marked(documents, spans) if marked else made.tokeniser.plain(documents)
                offset = view.token_offset.tolist()
                assert offset[-1] == view.windows.tokens == len(view.casing)
                word = 0
                tokens = view.word_tokens.split(view.word_length.tolist())
                for number, subwords in enumerate(alone):
                    assert offset[number + 1] - offset[number] == len(subwords.ids)
                    assert view.casing[offset[number] : offset[number + 1]].tolist() == subwords.casing.tolist()
                    for start, end, row in zip(subwords.word_start, subwords.word_end, subwords.row, strict=True):
                        assert tokens[word].tolist() == [offset[number] + i for i in range(start, end)]
                        assert view.word_row[word] == offset[number] + row
                        word += 1
                assert word == len(view.word_length) == len(view.word_row)


def test_windows_hold_every_token(toy) -> None:
    documents = [toy.document(1, sentences=6), toy.document(2, sentences=1)]
    whole, parts = collator(toy).plain(documents), collator(toy, 12).plain(documents)
    assert whole.windows.single and not parts.windows.single
    flat, ids = parts.windows.flat, parts.windows.input_ids
    there = torch.full((parts.windows.tokens,), -1)
    there[flat[flat >= 0]] = ids[flat >= 0]
    assert torch.equal(there, whole.windows.input_ids[whole.windows.attention_mask])
    assert torch.equal(parts.word_tokens, whole.word_tokens)


def test_batches_move_with_what_they_have(toy) -> None:
    documents = [toy.document(1)]
    plain = collator(toy).plain(documents)
    moved = Batch(tuple(documents), words_of(documents), plain).to(torch.device("meta"))
    assert moved.words.offset.is_meta and moved.plain.windows.flat.is_meta and moved.plain.word_row.is_meta
    assert moved.marked is None and moved.mentions is None
    mentions = MentionIndex.build([gold_spans(documents[0])], [0])
    assert Batch(tuple(documents), words_of(documents), mentions=mentions).to(torch.device("cpu")).mentions is not None
