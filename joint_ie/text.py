"""Raw text to a `Document`: tokens and sentences with offsets into the text as it was given."""

import logging
import pkgutil
import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

import spacy
import spacy.lang
from spacy.lang.char_classes import HYPHENS
from spacy.language import Language
from spacy.pipeline import Sentencizer

from joint_ie.document import Document, Span
from joint_ie.errors import InputError, nearest

logger = logging.getLogger(__name__)

_PARAGRAPH = re.compile(r"\n\s*\n")
# spaCy's tokeniser takes quadratic time in the length of a run without white space; longer ones are cut.
_LONG_RUN = re.compile(r"\S{1000}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_NOT_LATIN = re.compile(r"[^\W\d_\u0000-\u024f\u1e00-\u1eff]")  # letters of other scripts
_TERMINATORS = frozenset(Sentencizer.default_punct_chars) | {"…"}


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


# Never the end of a sentence: a name follows. The tokeniser keeps the dot on some and splits it from others.
_TITLES = _words(
    "Adm Brig Capt Cdr Cmdr Col Cpl Dr Fr Ft Gen Gov Hon Lt Maj Messrs Mlle Mme Mr Mrs Ms Mt Mx Pres Prof Pvt "
    "Rep Rev Sen Sgt Sr St Ste Supt"
)
# Abbreviations whose dot the English tokeniser splits off; those it keeps ("Inc.", "U.S.", "J.") need no list.
_ABBREVIATIONS = _words("al approx ca cf dept ed eds est fl max min")
_BEFORE_NUMBERS = _words("Art Ch Fig No Nos Op Pt Sec Vol no nos pp vol")
# Function words that are also names, as in "Dr. J. Will": after an abbreviation they do not show a new sentence.
_NAMES = frozenset({"will", "may", "who", "no"})


class Tokeniser:
    """Tokens and sentences of one language, by rule, without a trained model.

    English tokens follow DocRED's: spaCy's rules (hyphens between letters and "'s" are tokens of their own),
    except that a hyphen after a digit does not split ("15-year"). A sentence ends after a closing punctuation
    mark, unless a lower-case word follows, and at a blank line; after an abbreviation ("U.S.", "J.") it
    ends only before a capitalised function word ("He", "The").

    English that is not in Latin letters, and Chinese that is, are warned of, once.
    """

    def __init__(self, language: str = "en") -> None:
        """For the language with this spaCy code; `InputError` names codes that spaCy has not."""
        pipeline = blank_pipeline(language)
        self.language = language
        self._warned = language not in ("en", "zh")
        self._tokenise = pipeline.tokenizer  # called directly: `nlp(text)` refuses texts over `max_length`
        self._function_words = frozenset(word.capitalize() for word in pipeline.Defaults.stop_words - _NAMES)

    def __call__(self, text: str, id: str = "text") -> Document:
        """The text as a `Document` without annotations; white space makes no tokens."""
        check_text(text, id)
        if not self._warned:
            self._check_script(text, id)
        cuts = [0, *(run.end() for run in _LONG_RUN.finditer(text)), len(text)]
        tokens = tuple(
            (cut + token.idx, cut + token.idx + len(token))
            for cut, end in pairwise(cuts)
            for token in self._tokenise(text[cut:end])
            if not token.is_space
        )
        return Document(id, text, tokens, tuple(self._sentences(text, tokens)))

    def _check_script(self, text: str, id: str) -> None:
        """Warn of a text that is evidently not in the language: its words would be letters, or whole sentences."""
        letters = sum(map(str.isalpha, text))
        others = 0 if text.isascii() else sum(1 for _ in _NOT_LATIN.finditer(text))
        strange = others if self.language == "en" else letters - others
        if 2 * strange > letters:
            self._warned = True
            logger.warning(
                'document %r: most of its letters are %s, but it is split into words as language "%s" is; give the '
                "language of the texts (--language), and a model that knows it: the bundled one knows English alone",
                id,
                "not Latin" if self.language == "en" else "Latin",
                self.language,
            )

    def _sentences(self, text: str, tokens: Sequence[Span]) -> Iterator[Span]:
        """Token spans of the sentences, in order, covering all tokens."""
        words = [text[start:end] for start, end in tokens]
        # What lies before each token, and after the last: empty where two tokens touch.
        gaps = [text[end:start] for (_, end), (start, _) in pairwise([(0, 0), *tokens, (len(text), 0)])]
        first = 0
        ended = abbreviated = False  # after a full stop; after one that may only mark an abbreviation
        for i, word in enumerate(words):
            closing = _closes(word, gaps[i], gaps[i + 1])
            starts = ended and not closing and _may_begin(word) and (not abbreviated or word in self._function_words)
            if i and (starts or _PARAGRAPH.search(gaps[i])):
                yield first, i
                first, ended = i, False
            if ended and closing:
                continue  # the quotation mark or bracket still belongs to the sentence that has ended
            previous = words[i - 1] if i and not gaps[i] else ""
            following = words[i + 1] if i + 1 < len(words) else ""
            abbreviated = _is_abbreviation(word, previous)
            ended = abbreviated or all(c in _TERMINATORS for c in word)
            ended = ended and not _needs_more(word, previous, following)
        if words:
            yield first, len(words)


def check_text(text: str, id: str) -> None:
    """Raise `InputError` for half of a surrogate pair: no tokenizer takes it."""
    broken = _SURROGATE.search(text)
    if broken:
        raise InputError(
            f"document {id!r}: character {broken.start()} is half of a surrogate pair, which is no text; "
            f"decode the file with its real encoding"
        )


def blank_pipeline(language: str) -> Language:
    """spaCy's empty pipeline, with the tokens of DocRED for English."""
    codes = [module.name for module in pkgutil.iter_modules(spacy.lang.__path__) if module.ispkg]
    if language not in codes:
        raise InputError(
            f'language "{language}" is not known to spaCy{nearest(language, codes)}; '
            f"give a code such as en, de, fr, es, zh, or xx for any other"
        )
    try:
        pipeline = spacy.blank(language)
    except ImportError as error:
        reason = " ".join(str(error).split())
        raise InputError(f'language "{language}" needs a tokeniser that is not installed: {reason}') from None
    if language == "en":
        # DocRED's tokens come from an older spaCy, which left "15-year" whole; dashes as in "1895–May" split in both.
        infixes = [
            rf"(?!(?<=\d)-\w){pattern}" if HYPHENS in pattern else pattern for pattern in pipeline.Defaults.infixes
        ]
        pipeline.tokenizer.infix_finditer = spacy.util.compile_infix_regex(infixes).finditer
    return pipeline


def _closes(word: str, before: str, after: str) -> bool:
    """Whether the word is a bracket or quotation mark that closes what stands before it."""
    category = unicodedata.category(word[0])
    if category == "Pi":  # opens in English, closes in German: „so“
        return not before and bool(after)
    return category == "Pe" or (not before and (category == "Pf" or word in ('"', "'", "''")))


def _may_begin(word: str) -> bool:
    """Whether a sentence can start with this word: no lower case, no comma, no further full stop."""
    return not word[0].islower() and word[0] not in ",;:" and word[0] not in _TERMINATORS


def _is_abbreviation(word: str, previous: str) -> bool:
    """``U.S.`` as one token, or the dot of ``approx`` ``.``; ``previous`` is the word it touches."""
    return (len(word) > 1 and word[-1] == "." and word[0].isalpha()) or (word == "." and previous in _ABBREVIATIONS)


def _needs_more(word: str, previous: str, following: str) -> bool:
    """``Dr.`` or ``Lt`` ``.`` before any word, ``No`` ``.`` before a number."""
    abbreviation = previous if word == "." else word.removesuffix(".")
    return abbreviation in _TITLES or (abbreviation in _BEFORE_NUMBERS and following[:1].isdigit())
