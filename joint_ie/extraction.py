"""Text or Documents in, Documents out: `load` a model and call it.

Every relation of a result names its evidence sentences, and ``Relation.evidence_kind`` how they were found:
``both-entities`` (head and tail stand in them), ``nearest-mentions`` (they hold the two mentions that are closest), or
``context`` (these, and the sentences of head or tail that the model's localized context points to).
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import torch
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from joint_ie.annotating import annotated
from joint_ie.document import Document
from joint_ie.errors import InputError, check_range
from joint_ie.evaluation.protocol import Mode
from joint_ie.models.joint import JointModel
from joint_ie.models.loading import load_model, predictor_for
from joint_ie.models.openvino import run_by_openvino
from joint_ie.models.pipeline import Pipeline
from joint_ie.models.precision import Engine, Precision, autocast, default_device, resolve_precision
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.sources import find_model
from joint_ie.schema import Schema
from joint_ie.text import Tokeniser, check_text

logger = logging.getLogger(__name__)

Item = str | tuple[str, str] | Document
Model = JointModel | Seq2SeqModel
T = TypeVar("T")


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
        relations: another model and its tokenizer, on the same device: the relations are its, and ``model`` finds
            the entities alone (see `models.pipeline`, which says what is refused).
    """

    def __init__(
        self,
        model: Model,
        tokenizer: PreTrainedTokenizerBase,
        language: str = "en",
        precision: Precision | Literal["int8"] = "auto",
        engine: Engine = "torch",
        relations: tuple[Model, PreTrainedTokenizerBase] | None = None,
    ) -> None:
        self.model = model.eval()
        self.relation_model = relations[0].eval() if relations else self.model
        own = predictor_for(model, tokenizer)
        self._predictor = Pipeline(own, predictor_for(*relations)) if relations else own
        self.engine, self.int8 = engine, precision == "int8"
        self.precision = resolve_precision("auto" if precision == "int8" else precision, model.device)
        if engine == "openvino":
            for each in {self.model, self.relation_model}:
                run_by_openvino(each, self.precision, self.int8)
        elif self.int8:
            raise InputError("precision int8 is OpenVINO's; take engine openvino as well, or another precision")
        self._tokenise = Tokeniser(language)

    @property
    def schema(self) -> Schema:
        """The labels that results may have."""
        return Schema(self.model.schema.entity_types, self.relation_model.schema.relation_types)

    def __call__(self, item: Item, min_score: float = 0.0) -> Document:
        """Annotate one text, one ``(id, text)`` or the words of one `Document`."""
        if not _is_item(item):
            raise InputError(
                f"a text, (id, text) or a Document can be annotated, not {_kind(item)}; give several of them to pipe"
            )
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
        """Annotate a stream of texts, in order; time and memory of a long one grow with its length (`docs/speed.md`).

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
        if isinstance(items, str | bytes | Document) or not _can_be_iterated(items):
            raise InputError(
                f"pipe takes several texts, not {_kind(items)}; call the extractor itself with one, or give a list"
            )
        self._warn_of_untrained()
        documents = self._documents(_bar(items, progress), on_error)
        for document in self._annotated(
            documents, self._predictor.end_to_end, lambda d: bool(d.tokens), batch_words, on_error
        ):
            yield without_weak(document, min_score)

    def gold_mentions(
        self, documents: Iterable[Document], *, batch_words: int = 3000, progress: bool = False
    ) -> Iterator[Document]:
        """Everything but the mentions, which are those of the documents, in order; their entities are not looked at.

        A mention that several entities list is given once, and counted. Models that write facts (REBEL) refuse.
        """
        self._warn_of_untrained()
        return self._annotated(
            _bar(documents, progress), self._predictor.gold_mentions, lambda d: bool(d.entities), batch_words
        )

    def gold_entities(
        self, documents: Iterable[Document], *, batch_words: int = 3000, progress: bool = False
    ) -> Iterator[Document]:
        """Relations between the entities that the documents already have, in order; entities stay as they are."""
        return self._annotated(
            _bar(documents, progress), self._predictor.gold_entities, lambda d: bool(d.entities), batch_words
        )

    def by_mode(self, mode: Mode, documents: Iterable[Document], progress: bool = False) -> Iterator[Document]:
        """What is scored in a mode: `pipe`, `gold_mentions` or `gold_entities`."""
        if mode == "end-to-end":
            return self.pipe(documents, progress=progress)
        annotate = self.gold_mentions if mode == "gold-mentions" else self.gold_entities
        return annotate(documents, progress=progress)

    def _warn_of_untrained(self) -> None:
        if isinstance(self.model, JointModel) and not self.model.settings.task_weights.shared:
            logger.warning(
                "this model was trained for relations between given entities only (model.task_weights), so what it "
                "finds in a text may be meaningless; use gold_entities (--mode gold-entities)"
            )
        if isinstance(self.relation_model, JointModel) and not self.relation_model.settings.task_weights.relations:
            logger.warning(
                "this model was not trained for relations (model.task_weights), so that those it says are meaningless; "
                "name another model for them (relations of joint_ie.load, --relations-from)"
            )

    def _documents(self, items: Iterable[Item], on_error: Callable[[InputError], None] | None) -> Iterator[Document]:
        for number, item in enumerate(items, start=1):
            try:
                if not _is_item(item):
                    raise InputError(
                        f"item {number} should be a text, (id, text) or a Document, not {_kind(item)}; correct it"
                    )
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
        before = self._predictor.left_out.copy()
        models = (self.model, self.relation_model)
        parallel = all(model.device.type == "cpu" and isinstance(model, JointModel) for model in models)
        yield from annotated(documents, partial(self._run, annotate), has_something, batch_words, parallel, on_error)
        for reason, count in (self._predictor.left_out - before).items():
            logger.warning("%d %s", count, reason)

    def _run(
        self, annotate: Callable[[Sequence[Document]], list[Document]], documents: Sequence[Document]
    ) -> list[Document]:
        with autocast(self.model.device, self.precision):
            return annotate(documents)


def load(
    model: str | Path = "default",
    device: str | torch.device | None = None,
    threads: int | None = None,
    language: str = "en",
    precision: Precision | Literal["int8"] = "auto",
    engine: Engine = "torch",
    relations: str | Path | None = None,
) -> Extractor:
    """An `Extractor` with the bundled model (``default``), that of a folder, or that of the hub (``user/name``).

    ``relations`` names a second model, likewise: the first then finds mentions, entities and types, and the second says
    the relations between them (a pipeline). Its entity types must contain those of the first.

    ``device`` is a GPU if there is one, unless named; ``threads`` limits the CPU threads of torch (in the whole
    process); see `Extractor` for ``language``, ``precision`` and ``engine``.
    """
    folder = find_model(model)
    second = None if relations is None else find_model(relations)
    place = usable_device(device)
    if threads is not None:
        check_range("threads", threads, 1)
        torch.set_num_threads(threads)
    loaded, tokenizer = load_model(folder)
    if second is None:
        return Extractor(loaded.to(place), tokenizer, language, precision, engine)
    relating, its_tokenizer = load_model(second)
    return Extractor(loaded.to(place), tokenizer, language, precision, engine, (relating.to(place), its_tokenizer))


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


def _is_item(item: object) -> bool:
    """Whether it is one of `Item`; a list is none, lest two texts are taken for a text and its id."""
    if isinstance(item, tuple):
        return len(item) == 2 and all(isinstance(part, str) for part in item)
    return isinstance(item, str | Document)


def _can_be_iterated(items: object) -> bool:
    try:
        iter(items)  # type: ignore[call-overload]
    except TypeError:
        return False
    return True


def _kind(item: object) -> str:
    """What it is, in words for an error."""
    if isinstance(item, tuple):
        return f"a tuple of ({', '.join(type(part).__name__ for part in item)})"
    return "one text" if isinstance(item, str) else f"a value of type {type(item).__name__}"


def _bar(items: Iterable[T], progress: bool) -> Iterable[T]:
    """With a bar on a terminal, once it takes more than two seconds."""
    return tqdm(items, unit=" documents", disable=None, delay=2.0) if progress else items
