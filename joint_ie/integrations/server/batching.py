"""The one thread that owns the model, and the requests that wait for it."""

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from joint_ie.document import Document
from joint_ie.extraction import Extractor

Item = tuple[str, str]  # id and text

_WORD = 6  # characters; how many words a text has is known only when the model's thread has split it


class _Job:
    """The texts of one request: those that are still to be taken, and what became of the others."""

    def __init__(self, items: Sequence[Item], result: "asyncio.Future[list[Document]]") -> None:
        self.pieces = deque(_Piece(self, place, item) for place, item in enumerate(items))
        self.result = result
        self._documents: dict[int, Document] = {}
        self._number = len(items)

    def finish(self, place: int, document: Document) -> None:
        self._documents[place] = document
        if len(self._documents) == self._number and not self.result.done():
            self.result.set_result([self._documents[i] for i in range(self._number)])

    def fail(self, error: BaseException) -> None:
        if not self.result.done():
            self.result.set_exception(error)


@dataclass(frozen=True)
class _Piece:
    """One text of a request, and which of its texts it is."""

    job: _Job
    place: int
    item: Item


class Batcher:
    """Takes the texts that wait, several at once, through the model.

    Requests take turns, text by text, so that one with many texts does not hold up the others. What waits is taken
    together as long as it has fewer than ``batch_words`` words, estimated at six characters each; what runs through the
    model at once is bounded by the same number (see `Extractor.pipe`). With 1, every text runs alone, and its Document
    is the same to the last bit whatever else is asked.
    """

    def __init__(self, extractor: Extractor, batch_words: int) -> None:
        self.extractor = extractor
        self.batch_words = batch_words
        self._jobs: dict[_Job, None] = {}  # an ordered set of those with texts to take
        self._arrived = asyncio.Event()
        self._thread = ThreadPoolExecutor(1, "joint-ie-model")
        self.busy = False

    async def extract(self, items: Sequence[Item]) -> list[Document]:
        """The Documents of one request; raises what the model raised on one of them. Cancelling gives up the place."""
        job = _Job(items, asyncio.get_running_loop().create_future())
        self._jobs[job] = None
        self._arrived.set()
        try:
            return await job.result
        finally:
            self._jobs.pop(job, None)

    async def run(self) -> None:
        """Serve what comes until cancelled; a batch that runs then runs to its end, as ``busy`` says."""
        while True:
            await self._arrived.wait()
            batch = self._take()
            if batch:
                await self._annotate(batch)
            else:
                self._arrived.clear()

    def close(self) -> None:
        """Take no more texts."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _take(self) -> list[_Piece]:
        batch: list[_Piece] = []
        words = 0
        while self._jobs and words < self.batch_words:
            job = next(iter(self._jobs))
            del self._jobs[job]
            if job.result.done():  # failed, or given up
                continue
            batch.append(job.pieces.popleft())
            words += 1 + len(batch[-1].item[1]) // _WORD
            if job.pieces:
                self._jobs[job] = None
        return batch

    async def _annotate(self, batch: Sequence[_Piece]) -> None:
        """Run texts together; if that fails, each alone, so that one that cannot be used fails its own request only."""
        running = asyncio.get_running_loop().run_in_executor(self._thread, self._pipe, [piece.item for piece in batch])
        await asyncio.wait([running])
        error = running.exception()
        if error is None:
            for piece, document in zip(batch, running.result(), strict=True):
                piece.job.finish(piece.place, document)
        elif len(batch) == 1:
            batch[0].job.fail(error)
        else:
            for piece in batch:
                if not piece.job.result.done():
                    await self._annotate([piece])

    def _pipe(self, items: Sequence[Item]) -> list[Document]:
        self.busy = True
        try:
            return list(self.extractor.pipe(items, batch_words=self.batch_words))
        finally:
            self.busy = False
