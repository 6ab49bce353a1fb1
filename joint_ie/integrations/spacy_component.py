"""The spaCy component: annotates Docs with a model, and is saved with the pipeline.

The layout is that of `joint_ie.corpora.docbin`; the component adds the span group ``joint_ie`` with all mentions.
"""

import io
import logging
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile, ZipInfo

import torch
from spacy.language import Language
from spacy.pipeline import Pipe
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.util import filter_spans
from transformers import PreTrainedTokenizerBase

from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.spacy_docs import KEY, annotate, cut, first_words, read_doc, words_of
from joint_ie.document import Document, text_id
from joint_ie.errors import InputError, check_range
from joint_ie.extraction import Extractor, usable_device
from joint_ie.integrations.spacy_scores import scores
from joint_ie.models.checkpoint import save_checkpoint
from joint_ie.models.joint import JointModel
from joint_ie.models.loading import load_model
from joint_ie.models.precision import Precision
from joint_ie.models.seq2seq_checkpoint import save_generator
from joint_ie.models.sources import find_model
from joint_ie.text import Tokeniser

logger = logging.getLogger(__name__)


class JointIE(Pipe):
    """Entities and relations of a `Doc`; made by ``nlp.add_pipe("joint_ie", config={...})``.

    The model is loaded by ``nlp.initialize()`` or when it is first needed, not when the component is made: a pipeline
    that was saved has its own copy, and the folder that it came from need not be there any more.

    Args:
        language: the pipeline's, for sentences where a Doc has none.
        name: the component's name in the pipeline.
        model: ``default`` (the bundled model), a folder, or a hub id (``user/name``).
        precision: as for `joint_ie.load`.
        min_score: relations below this score are left out.
        overwrite_ents: whether mentions take the place of entities in ``doc.ents`` that they overlap; without it, these
            stay, and overlapping mentions are in the span groups only.
        batch_words: how many words run through the model at once (see `Extractor.pipe`).
    """

    def __init__(
        self,
        language: str,
        name: str,
        *,
        model: str,
        precision: Precision,
        min_score: float,
        overwrite_ents: bool,
        batch_words: int,
    ) -> None:
        check_range("min_score", min_score, 0.0, 1.0)
        check_range("batch_words", batch_words, 1)
        self.name = name
        self.source = model
        self.precision = precision
        self.min_score = min_score
        self.overwrite_ents = overwrite_ents
        self.batch_words = batch_words
        self._language = language
        self._loaded: tuple[Extractor, PreTrainedTokenizerBase] | None = None
        self._process = os.getpid()
        add_extensions()

    @property
    def extractor(self) -> Extractor:
        """What annotates; loads the model if that has not been done. `InputError` if it cannot be."""
        return self._model()[0]

    @property
    def labels(self) -> tuple[str, ...]:
        """The entity types of the model, once it is loaded."""
        return tuple(self.extractor.model.schema.entity_index) if self._loaded else ()

    def initialize(self, get_examples: Callable[[], Iterable[Example]], *, nlp: Language | None = None) -> None:
        """Load the model now; the examples are not used."""
        self._model()

    def __call__(self, doc: Doc) -> Doc:
        """Annotate one Doc in place."""
        return self._write(doc, self.extractor(self._document(doc), self.min_score))

    def pipe(self, stream: Iterable[Doc], *, batch_size: int = 128) -> Iterator[Doc]:
        """Annotate a stream in place, in order; at most ``batch_size`` Docs are read ahead.

        A Doc that is refused with an `InputError` goes to the error handler and is then left out.
        """
        numbered = enumerate(stream, start=1)
        for first in numbered:
            yield from self._annotated(chain([first], islice(numbered, batch_size - 1)))

    def score(self, examples: Iterable[Example], **_: Any) -> dict[str, Any]:
        """For ``nlp.evaluate``; see `joint_ie.integrations.spacy_scores.scores`."""
        return scores(list(examples))

    def to_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> None:
        """Write the model as a folder that `joint_ie.load` reads, too; 8-bit weights are written as 32 bits."""
        folder = Path(path)
        folder.mkdir(parents=True, exist_ok=True)
        extractor, tokenizer = self._model()
        model = extractor.model
        if isinstance(model, JointModel):
            save_checkpoint(model, tokenizer, folder)
        else:
            save_generator(model, tokenizer, folder)

    def from_disk(self, path: Path | str, *, exclude: Iterable[str] = ()) -> "JointIE":
        """Load the model of such a folder."""
        self._loaded = _load(Path(path), self.precision)
        return self

    def to_bytes(self, *, exclude: Iterable[str] = ()) -> bytes:
        """The files of `to_disk`, as a ZIP archive."""
        archive = io.BytesIO()
        with TemporaryDirectory() as folder, ZipFile(archive, "w") as files:
            self.to_disk(folder)
            for path in sorted(Path(folder).iterdir()):
                files.writestr(ZipInfo(path.name), path.read_bytes())  # without times: the same bytes at every call
        return archive.getvalue()

    def from_bytes(self, data: bytes, *, exclude: Iterable[str] = ()) -> "JointIE":
        """Load the model of `to_bytes`."""
        with TemporaryDirectory() as folder:
            try:
                with ZipFile(io.BytesIO(data)) as files:
                    files.extractall(folder)  # never outside of it
            except BadZipFile:
                raise InputError(
                    f"the bytes of the component {self.name!r} are damaged; save the pipeline again"
                ) from None
            return self.from_disk(folder)

    def __reduce__(self) -> tuple[Any, ...]:
        """For ``n_process`` where processes are not forked: a model that has run cannot be pickled, but be saved."""
        state = vars(self) | {"name": self.name, "_loaded": self.to_bytes() if self._loaded else None}
        state.pop("_tokenise", None)
        return _unpickled, (state,)

    def _model(self) -> tuple[Extractor, PreTrainedTokenizerBase]:
        if self._process != os.getpid():
            # One of the processes of `n_process`: each has a core, and torch's threads, which a fork does not copy,
            # would be waited for without end.
            torch.set_num_threads(1)
            self._process = os.getpid()
        if self._loaded is None:
            self._loaded = _load(find_model(self.source), self.precision)
        return self._loaded

    @cached_property
    def _tokenise(self) -> Tokeniser:
        try:
            return Tokeniser(self._language)
        except InputError:  # a language of the user's own
            return Tokeniser("xx")

    def _document(self, doc: Doc) -> Document:
        """The Doc's words and sentences; without sentences, ours of its text."""
        tokens = words_of(doc)
        if doc.has_annotation("SENT_START"):
            starts = [sentence.start_char for sentence in doc.sents]
        else:
            ours = self._tokenise(doc.text)
            starts = [ours.tokens[start][0] for start, _ in ours.sentence_spans]
        return Document(_id(doc), doc.text, tokens, cut(tokens, first_words(tokens, starts)))

    def _annotated(self, numbered: Iterable[tuple[int, Doc]]) -> Iterator[Doc]:
        waiting: deque[tuple[Doc, Document]] = deque()
        errors: deque[InputError] = deque()  # in the order of the Docs that they refuse

        def documents() -> Iterator[Document]:
            for number, doc in numbered:
                document = self._document(doc)
                document = replace(document, id=f"{number} ({document.id})")  # texts may come twice
                waiting.append((doc, document))
                yield document

        results = self.extractor.pipe(
            documents(), batch_words=self.batch_words, min_score=self.min_score, on_error=errors.append
        )
        for result in chain(results, [None]):
            while waiting:
                doc, document = waiting.popleft()
                if result is not None and document.id == result.id:
                    yield self._write(doc, replace(result, id=_id(doc)))
                    break
                self.get_error_handler()(self.name, self, [doc], errors.popleft())

    def _write(self, doc: Doc, document: Document) -> Doc:
        mentions = annotate(doc, document)
        doc.spans[KEY] = mentions
        others = list(doc.ents)
        if self.overwrite_ents:
            ours = filter_spans(mentions)
            doc.ents = [*ours, *_beside(others, ours)]
        else:
            doc.ents = [*others, *filter_spans(_beside(mentions, others))]
        return doc


def add_extensions() -> None:
    """Make ``doc._.joint_ie`` and ``doc._.relations`` known to spaCy, which adding the component does, too."""
    for name, getter in (("joint_ie", document_of), ("relations", relations_of)):
        if not Doc.has_extension(name):
            Doc.set_extension(name, getter=getter)
        elif Doc.get_extension(name)[2] is not getter:
            logger.warning("doc._.%s belongs to somebody else; call %s.%s(doc)", name, __name__, getter.__name__)


def document_of(doc: Doc) -> Document | None:
    """``doc._.joint_ie``: the annotations as a `Document`, made at each call; None where the component has not been."""
    ours = doc.user_data.get(KEY)
    return read_doc(doc, "", "doc", Repairs(), singles=False) if isinstance(ours, Mapping) else None


def relations_of(doc: Doc) -> list[dict[str, Any]]:
    """``doc._.relations``: those of `document_of` as in the JSON Lines format; ``head`` and ``tail`` count entities."""
    document = document_of(doc)
    found: list[dict[str, Any]] = document.to_dict().get("relations", []) if document else []
    return found


def _beside(spans: Iterable[Span], others: Iterable[Span]) -> list[Span]:
    """Those that share no token with the others."""
    taken = {i for span in others for i in range(span.start, span.end)}
    return [span for span in spans if taken.isdisjoint(range(span.start, span.end))]


def _unpickled(state: dict[str, Any]) -> JointIE:
    """See `JointIE.__reduce__`."""
    component = JointIE.__new__(JointIE)
    saved = state.pop("_loaded")
    for name, value in state.items():
        setattr(component, name, value)
    component._loaded = None
    add_extensions()
    return component.from_bytes(saved) if saved else component


def _load(folder: Path, precision: Precision) -> tuple[Extractor, PreTrainedTokenizerBase]:
    model, tokenizer = load_model(folder)
    return Extractor(model.to(usable_device()), tokenizer, precision=precision), tokenizer


def _id(doc: Doc) -> str:
    """The one that it has from us, else one by its text: Docs have none, and numbers would come again."""
    ours = doc.user_data.get(KEY)
    known = ours.get("id") if isinstance(ours, Mapping) else None
    return known if isinstance(known, str) else text_id(doc.text)
