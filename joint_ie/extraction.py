"""Text or Documents in, Documents out: `load` a model and call it.

Every relation of a result names its evidence sentences, and ``Relation.evidence_kind`` how they were found:
``both-entities`` (head and tail stand in them), ``nearest-mentions`` (they hold the two mentions that are closest), or
``context`` (these, and the sentences of head or tail that the model's localized context points to).
"""

import logging
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from joint_ie.document import Document
from joint_ie.encoding.grouping import by_length
from joint_ie.errors import InputError, check_range
from joint_ie.heads.workers import Workers
from joint_ie.models.joint import JointModel
from joint_ie.models.loading import load_model, predictor_for
from joint_ie.models.openvino import run_by_openvino
from joint_ie.models.precision import Engine, Precision, autocast, default_device, resolve_precision
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor
from joint_ie.models.sources import find_model
from joint_ie.text import Tokeniser, check_text

logger = logging.getLogger(__name__)

Item = str | tuple[str, str] | Document
T = TypeVar("T")

AHEAD_DOCUMENTS = 64  # read before the first of them is annotated, so that similar lengths meet in a batch
AHEAD_WORDS = 20_000


class Extractor:
    """Annotates texts with a model; made by `load`.

    Args:
        model: a joint model or one that writes facts (REBEL), on the device where it shall run; it is set to
            evaluation mode.
        tokenizer: its subword tokenizer.
        language: spaCy's code of the language that texts are split into words by.
        precision: ``bf16`` or ``no`` (32 bits); ``auto`` is bf16 where the device has instructions for it. ``int8`` is
            ``auto`` with an encoder in 8 bits, which OpenVINO has.
        engine: what runs the encoder; ``openvino`` (``pip install 'joint-ie[openvino]'``) runs a copy on a CPU, of
            joint models only.
    """

    def __init__(
        self,
        model: JointModel | Seq2SeqModel,
        tokenizer: PreTrainedTokenizerBase,
        language: str = "en",
        precision: Precision | Literal["int8"] = "auto",
        engine: Engine = "torch",
    ) -> None:
        self.model = model.eval()
        self.engine, self.int8 = engine, precision == "int8"
        self.precision = resolve_precision("auto" if precision == "int8" else precision, model.device)
        if engine == "openvino":
            run_by_openvino(model, self.precision, self.int8)
        elif self.int8:
            raise InputError("precision int8 is OpenVINO's; take engine openvino as well, or another precision")
        self._tokenise = Tokeniser(language)
        self._predictor = predictor_for(model, tokenizer)

    def __call__(self, item: Item, min_score: float = 0.0) -> Document:
        """Annotate one text, one ``(id, text)`` or the words of one `Document`."""
        [document] = self.pipe([("text", item) if isinstance(item, str) else item], min_score=min_score)
        return document

    def pipe(
        self,
        items: Iterable[Item],
        *,
        batch_words: int = 3000,
        min_score: float = 0.0,
        on_error: Callable[[InputError], None] | None = None,
        progress: bool = False,
    ) -> Iterator[Document]:
        """Annotate a stream of texts, in order; very long ones take memory with the square of their length.

        Args:
            items: texts (their ids become ``text-1``, ``text-2`` and so on), ``(id, text)``, or Documents, whose
                words and sentences are kept and whose annotations are replaced.
            batch_words: how many words, padding included, run through the model at once; a longer document
                runs alone, in windows. On a CPU every core has a batch of its own.
            min_score: relations below this score are left out.
            on_error: called with the `InputError` of an item that is no usable text, which is then left out;
                without it the error is raised.
            progress: show a bar on standard error, if that is a terminal.
        """
        if isinstance(items, str):
            raise InputError("pipe takes several texts, not one; call the extractor itself, or give a list")
        if isinstance(self.model, JointModel) and not self.model.settings.task_weights.shared:
            logger.warning(
                "this model was trained for relations between given entities only (model.task_weights), so what it "
                "finds in a text may be meaningless; use gold_entities (--mode gold-entities)"
            )
        documents = self._documents(_bar(items, progress), on_error)
        for document in self._annotated(
            documents, self._predictor.end_to_end, lambda d: bool(d.tokens), batch_words, on_error
        ):
            yield without_weak(document, min_score)

    def gold_entities(
        self, documents: Iterable[Document], *, batch_words: int = 3000, progress: bool = False
    ) -> Iterator[Document]:
        """Relations between the entities that the documents already have, in order; entities stay as they are."""
        return self._annotated(
            _bar(documents, progress), self._predictor.gold_entities, lambda d: bool(d.entities), batch_words
        )

    def _documents(self, items: Iterable[Item], on_error: Callable[[InputError], None] | None) -> Iterator[Document]:
        for number, item in enumerate(items, start=1):
            try:
                yield self._document((f"text-{number}", item) if isinstance(item, str) else item)
            except InputError as error:
                if on_error is None:
                    raise
                on_error(error)

    def _document(self, item: tuple[str, str] | Document) -> Document:
        """Words without annotations."""
        if not isinstance(item, Document):
            id, text = item
            return self._tokenise(text, id)
        bare = replace(item, entities=(), relations=None, candidates=None)
        bare.validate()
        check_text(bare.text, bare.id)
        return bare

    def _annotated(
        self,
        documents: Iterable[Document],
        annotate: Callable[[Sequence[Document]], list[Document]],
        has_something: Callable[[Document], bool],
        batch_words: int,
        on_error: Callable[[InputError], None] | None = None,
    ) -> Iterator[Document]:
        """Documents with nothing to annotate have no relations, and the model does not see them."""
        before = self._left_out()
        parallel = self.model.device.type == "cpu" and isinstance(self.model, JointModel)
        waiting: deque[Iterator[Document]] = deque()
        with Workers() as workers:
            for ahead in _read_ahead(documents):
                chosen = [i for i, document in enumerate(ahead) if has_something(document)]
                groups = list(by_length([len(document.tokens) for document in ahead], batch_words, chosen))
                run = partial(self._run, annotate)
                if parallel and workers.count > 1 and len(groups) > 1:
                    running = [workers.submit(run, [ahead[i] for i in group]) for group in groups]
                    waiting.append(_done(ahead, groups, [future.result for future in running], on_error))
                    while len(waiting) > 1:  # meanwhile, the next are read
                        yield from waiting.popleft()
                    continue
                while waiting:
                    yield from waiting.popleft()
                yield from _done(ahead, groups, [partial(run, [ahead[i] for i in group]) for group in groups], on_error)
            while waiting:
                yield from waiting.popleft()
        for reason, count in (self._left_out() - before).items():
            logger.warning("%d %s", count, reason)

    def _run(
        self, annotate: Callable[[Sequence[Document]], list[Document]], documents: Sequence[Document]
    ) -> list[Document]:
        with autocast(self.model.device, self.precision):
            return annotate(documents)

    def _left_out(self) -> Counter[str]:
        """What results lack so far, by reason."""
        if isinstance(self._predictor, Seq2SeqPredictor):
            return self._predictor.left_out.copy()
        settings = self._predictor.model.settings
        limit, width = settings.relations.max_word_distance, settings.mentions.max_width
        reason = (
            f"pairs of entities were not asked for relations, being more than {limit} words apart "
            f"(relations.max_word_distance in the model's config.json)"
        )
        distant = (
            "pairs of mentions of very long documents were not compared, being far apart and without a common word"
        )
        wide = f"mentions were left out, being wider than {width} words (mentions.max_width in the model's config.json)"
        return Counter(
            {
                reason: self._predictor.unscored_pairs,
                distant: self._predictor.uncompared_mentions,
                wide: self._predictor.wide_mentions,
            }
        )


def load(
    model: str | Path = "default",
    device: str | torch.device | None = None,
    threads: int | None = None,
    language: str = "en",
    precision: Precision | Literal["int8"] = "auto",
    engine: Engine = "torch",
) -> Extractor:
    """An `Extractor` with the bundled model (``default``), that of a folder, or that of the hub (``user/name``).

    ``device`` is a GPU if there is one, unless named; ``threads`` limits the CPU threads of torch (in the whole
    process); see `Extractor` for ``language``, ``precision`` and ``engine``.
    """
    folder = find_model(model)
    place = usable_device(device)
    if threads is not None:
        check_range("threads", threads, 1)
        torch.set_num_threads(threads)
    loaded, tokenizer = load_model(folder)
    return Extractor(loaded.to(place), tokenizer, language, precision, engine)


def without_weak(document: Document, min_score: float) -> Document:
    """The document without relations below that score."""
    kept = (relation for relation in document.relations or () if (relation.score or 0.0) >= min_score)
    return replace(document, relations=tuple(kept))


def usable_device(device: str | torch.device | None = None) -> torch.device:
    """The device to run on: the one named, else a GPU if there is one, else the CPU."""
    if device is None:
        return default_device()
    try:
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        reason = str(error).strip().split("\n")[0]
        raise InputError(f'device "{device}" cannot be used ({reason}); name another, such as cpu') from None


def _done(
    documents: Sequence[Document],
    groups: Sequence[Sequence[int]],
    results: Sequence[Callable[[], list[Document]]],
    on_error: Callable[[InputError], None] | None,
) -> Iterator[Document]:
    """The documents in their order, those of the ``groups`` as the ``results`` have them; errors in this order, too."""
    done: list[Document | InputError] = [replace(document, relations=()) for document in documents]
    for group, result in zip(groups, results, strict=True):
        try:
            annotated = result()
        except InputError as error:  # a document that is too long for the model's stages, which runs alone
            if on_error is None or len(group) > 1:
                raise
            done[group[0]] = error
            continue
        for i, document in zip(group, annotated, strict=True):
            done[i] = document
    for item in done:
        if isinstance(item, Document):
            yield item
        elif on_error is not None:
            on_error(item)


def _bar(items: Iterable[T], progress: bool) -> Iterable[T]:
    """With a bar on a terminal, once it takes more than two seconds."""
    return tqdm(items, unit=" documents", disable=None, delay=2.0) if progress else items


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
