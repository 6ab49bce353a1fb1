"""spaCy's DocBin (``.spacy``, https://spacy.io/api/docbin): compressed msgpack, of which spaCy unpickles nothing.

Written are, for spaCy's users, sentence starts, ``doc.ents`` (of overlapping mentions the longest) and, for every
entity, a span group ``coref_clusters_1``, ``coref_clusters_2``, ... (spacy-experimental's names) of its mentions,
labelled with their types, with the entity itself in the group's ``attrs``. ``doc.user_data["joint_ie"]`` has what spaCy
has no place for: id, tokens, sentences, relations and candidates (which name the groups). Text that lies between our
tokens becomes tokens, as spaCy's tokeniser does with white space. So reading gives the same Documents.

Files by others are read, too: tokens other than white space; sentences, cut by spaCy's sentencizer where there are
none; groups of that name as entities; and each span of ``doc.ents`` and of the group ``sc`` (spaCy's for overlapping
spans) that is in none of these as an entity of its own. So is what others changed in ours: a group is taken as
we wrote it as long as it has the spans that we wrote.

spaCy is imported inside of functions, because it loads torch.
"""

import gc
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from joint_ie.corpora.files import read_bytes, writing
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs
from joint_ie.corpora.spacy_docs import new_doc, read_doc
from joint_ie.document import Document
from joint_ie.errors import InputError

if TYPE_CHECKING:
    import spacy.tokens


def write_docbin(documents: Iterable[Document], path: Path | str) -> int:
    """Write a ``.spacy`` file; returns how many documents. `InputError` names one that is no text."""
    from spacy.tokens import DocBin
    from spacy.vocab import Vocab

    vocab = Vocab()
    packed = DocBin(attrs=["ENT_IOB", "ENT_TYPE", "ENT_KB_ID", "SENT_START"], store_user_data=True)
    for document in documents:
        try:
            packed.add(new_doc(document, vocab))
        except UnicodeEncodeError:
            raise InputError(
                f"document {document.id!r}: has half of a surrogate pair, which spaCy cannot store; "
                f"decode its source with the real encoding"
            ) from None
    with writing(Path(path)):
        Path(path).write_bytes(packed.to_bytes())
    return len(packed)


def read_docbin(path: Path | str, repairs: Repairs | None = None) -> Iterator[Document]:
    """The documents of a ``.spacy`` file; `InputError` names file and document. Others' get ids such as ``train-1``."""
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    for number, doc in enumerate(_docs(path), start=1):
        yield read_doc(doc, f"{path.stem}-{number}", f"{path}: document {number}", repairs)


def _docs(path: Path) -> Iterator["spacy.tokens.Doc"]:
    import spacy
    from spacy.tokens import DocBin

    data = read_bytes(path)
    if not data:
        raise InputError(f"{path}: is empty; write it again with DocBin.to_disk")
    vocab = spacy.blank("xx").vocab  # any language: it knows white space and punctuation
    try:
        for doc in DocBin().from_bytes(data).get_docs(vocab):
            for spans in (doc.ents, *doc.spans.values()):
                _ = [(span.label_, span.kb_id_) for span in spans]  # unpacked only now
            yield doc
    # spaCy does not check what it unpacks
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError) as error:
        gc.enable()  # srsly switches it off to unpack, and on only where that succeeds
        reason = " ".join(str(error).split())[:80]
        raise InputError(
            f"{path}: is no DocBin of spaCy 3, or cut off ({reason}); write it again with DocBin.to_disk"
        ) from None


DOCBIN = Reader(
    name="docbin",
    description="spaCy's DocBin (.spacy)",
    read=read_docbin,
    write=write_docbin,
    recognises=lambda _: False,
    extensions=(".spacy",),
    binary=True,
)
