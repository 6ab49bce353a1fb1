"""A stream of documents through what annotates some of them at a time: in order, in batches of like length."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from joint_ie.document import Document
from joint_ie.encoding.grouping import by_length
from joint_ie.errors import InputError
from joint_ie.heads.workers import Workers

AHEAD_DOCUMENTS = 64  # read before the first of them is annotated, so that similar lengths meet in a batch
AHEAD_WORDS = 20_000

Annotate = Callable[[Sequence[Document]], list[Document]]


def annotated(
    documents: Iterable[Document],
    annotate: Annotate,
    has_something: Callable[[Document], bool],
    batch_words: int,
    parallel: bool,
    on_error: Callable[[InputError], None] | None = None,
) -> Iterator[Document]:
    """The documents, in order, as ``annotate`` returns them.

    Args:
        documents: a stream; it is read a little ahead.
        annotate: called with batches, and returns as many documents.
        has_something: false for documents that there is nothing to annotate in: ``annotate`` does not see them, and
            they have no relations.
        batch_words: how many words, padding included, a batch has at most; a longer document is alone.
        parallel: call ``annotate`` with a batch on every core.
        on_error: called with the `InputError` of a document that is refused, which is then left out; without it the
            error is raised.
    """
    waiting: deque[Iterator[Document]] = deque()
    with Workers() as workers:
        for ahead in _read_ahead(documents):
            chosen = [i for i, document in enumerate(ahead) if has_something(document)]
            groups = list(by_length([len(document.tokens) for document in ahead], batch_words, chosen))
            if parallel and workers.count > 1 and len(groups) > 1:
                running = [workers.submit(annotate, [ahead[i] for i in group]) for group in groups]
                waiting.append(_done(ahead, groups, [future.result for future in running], annotate, on_error))
                while len(waiting) > 1:  # meanwhile, the next are read
                    yield from waiting.popleft()
                continue
            while waiting:
                yield from waiting.popleft()
            results = [partial(annotate, [ahead[i] for i in group]) for group in groups]
            yield from _done(ahead, groups, results, annotate, on_error)
        while waiting:
            yield from waiting.popleft()


def _read_ahead(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """The stream in pieces that are worth sorting by length."""
    ahead: list[Document] = []
    words = 0
    for document in documents:
        ahead.append(document)
        words += len(document.tokens)
        if len(ahead) == AHEAD_DOCUMENTS or words >= AHEAD_WORDS:
            yield ahead
            ahead, words = [], 0
    yield ahead


def _done(
    documents: Sequence[Document],
    groups: Sequence[Sequence[int]],
    results: Sequence[Callable[[], list[Document]]],
    annotate: Annotate,
    on_error: Callable[[InputError], None] | None,
) -> Iterator[Document]:
    """The documents in their order, those of the ``groups`` as the ``results`` have them; errors in this order, too.

    Of a group that is refused, documents are annotated one by one: only those are lost that are refused alone.
    """
    done: list[Document | InputError] = [replace(document, relations=()) for document in documents]
    for group, result in zip(groups, results, strict=True):
        try:
            found = result()
        except InputError as error:  # a document that is too much for the model's stages
            if on_error is None:
                raise
            for i in group:
                done[i] = error if len(group) == 1 else _alone(documents[i], annotate)
            continue
        for i, document in zip(group, found, strict=True):
            done[i] = document
    for item in done:
        if isinstance(item, Document):
            yield item
        elif on_error is not None:
            on_error(item)


def _alone(document: Document, annotate: Annotate) -> Document | InputError:
    try:
        return annotate([document])[0]
    except InputError as error:
        return error
