"""Label Studio's exports JSON and JSON-MIN (https://labelstud.io/guide/export) of texts with labels and relations.

Of several annotations of a task the first that was not cancelled is read; predictions and drafts are not. JSON-MIN
holds no relations (HumanSignal/label-studio issue 1803), and so no coreference.

Offsets count characters, in older releases UTF-16 units (issue 1347), and a line end of two characters may count as
one (issue 539): for each task the reading is taken under which most regions have the text that they record.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joint_ie.corpora.files import field, load_json
from joint_ie.corpora.offsets import trimmed
from joint_ie.corpora.reader import Reader
from joint_ie.corpora.repairs import Repairs, unique_id
from joint_ie.corpora.standoff import Marked, Standoff, standoff_documents
from joint_ie.document import Document
from joint_ie.errors import InputError

_NO_TEXT = ("created_at", "updated_at")  # strings of JSON-MIN that are not the annotated text


def read_label_studio(
    path: Path | str, coreference: str = "Coref", repairs: Repairs | None = None
) -> Iterator[Document]:
    """The annotated tasks of an export; `InputError` names file, task and field.

    Mentions that a relation labelled ``coreference`` links are one entity. The text is the field ``text`` of a task's
    data, or its only string; a document's id is the task's. See `standoff_documents` for what becomes of mentions.
    """
    path = Path(path)
    repairs = Repairs() if repairs is None else repairs
    tasks = load_json(path)
    if not isinstance(tasks, list):
        raise InputError(f"{path}: should be a list of tasks; export the project as JSON")
    corpus: list[Standoff] = []
    used: set[str] = set()
    for number, task in enumerate(tasks, start=1):
        where = f"{path}: task {number}"
        if not isinstance(task, dict):
            raise InputError(f"{where} should be an object; export the project as JSON")
        id = str(number if task.get("id") is None else field(task, "id", (str, int), where))
        minimal = "annotations" not in task and "completions" not in task
        if id in used and minimal:  # JSON-MIN lists every annotation of a task
            repairs.note(id, "further annotations of a task left out", f"{where} has the id {id} again")
            continue
        id = unique_id(id, used, where, repairs)
        results = _minimal(task, where) if minimal else _annotation(task, id, where, repairs)
        if results is None:
            repairs.note(id, "tasks without annotations left out", where)
            continue
        text = _text(task if minimal else task.get("data"), where)
        corpus.append(_standoff(id, text, results, coreference, where, repairs))
    yield from standoff_documents(corpus, repairs)


def _minimal(task: Mapping[str, Any], where: str) -> list[Any]:
    """The labels of a JSON-MIN task, as results of the full export."""
    listed = [
        {"type": "labels" if isinstance(item, dict) and "labels" in item else key, "id": f"{key}-{i}", "value": item}
        for key, value in task.items()
        if isinstance(value, list)
        for i, item in enumerate(value, start=1)
    ]
    if "annotation_id" not in task and all(item["type"] != "labels" for item in listed):
        raise InputError(f'{where}: field "annotations" is missing; export the project as JSON')
    return listed


def _annotation(task: Mapping[str, Any], id: str, where: str, repairs: Repairs) -> list[Any] | None:
    """The results of the annotation to read; None if there is none."""
    listed = task.get("annotations", task.get("completions"))  # "completions" before release 1.0
    if not isinstance(listed, list) or not all(isinstance(annotation, dict) for annotation in listed):
        raise InputError(f'{where}: field "annotations" should be a list of objects; export the project as JSON')
    done = [annotation for annotation in listed if not annotation.get("was_cancelled")]
    for kind, number in (
        ("cancelled annotations left out", len(listed) - len(done)),
        ("further annotations of a task left out", len(done) - 1),
        ("predictions left out", len(_listed(task, "predictions", where))),
        ("drafts left out", len(_listed(task, "drafts", where))),
    ):
        for _ in range(number):
            repairs.note(id, kind, where)
    if not done:
        return None
    results = done[0].get("result")
    if not isinstance(results, list):
        raise InputError(f'{where}: field "result" of its annotation should be a list; export the project as JSON')
    return results


def _listed(record: Mapping[str, Any], key: str, where: str) -> list[Any]:
    """A list that may be missing."""
    return [] if record.get(key) is None else field(record, key, list, where)


def _labels(record: Mapping[str, Any], where: str) -> list[str]:
    labels = [] if record.get("labels") is None else record["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise InputError(f'{where}: field "labels" should be a list of strings, such as ["person"]; correct it')
    return labels


def _text(data: Any, where: str) -> str:
    if isinstance(data, dict):
        if isinstance(data.get("text"), str):
            return str(data["text"])
        strings = [value for key, value in data.items() if isinstance(value, str) and key not in _NO_TEXT]
        if len(strings) == 1:
            return strings[0]
    raise InputError(f'{where}: its data should have the text as field "text"; rename the field that has it')


@dataclass(frozen=True)
class _Region:
    """A labelled region; ``text`` is what it records, None if nothing."""

    start: int
    end: int
    type: str
    text: str | None
    where: str

    def found(self, text: str, places: Sequence[int]) -> str | None:
        """The words at its offsets, of which ``places`` says the characters; None outside of the text."""
        if not 0 <= self.start < self.end < len(places):
            return None
        return _words(text[places[self.start] : places[self.end]])


def _words(text: str) -> str:
    return " ".join(text.replace("\\n", " ").split())  # some releases record a line end as backslash and n


def _standoff(id: str, text: str, results: list[Any], coreference: str, where: str, repairs: Repairs) -> Standoff:
    regions: dict[str, _Region] = {}
    relations: list[tuple[str, Mapping[str, Any]]] = []
    ignored: set[str] = set()
    for i, result in enumerate(results):
        place = f"{where}: result {i + 1}"
        if not isinstance(result, dict):
            raise InputError(f"{place} should be an object; export the project as JSON")
        key = str(i + 1 if result.get("id") is None else field(result, "id", (str, int), place))
        if result.get("type") == "relation":
            relations.append((place, result))
        elif result.get("type") != "labels":
            repairs.note(id, f"results of type {result.get('type')!r} left out", place)
            ignored.add(key)
        elif region := _region(result, id, place, repairs):
            if key in regions:
                repairs.note(id, "further labels of a mention left out", f"{place}: {region.type}")
            regions.setdefault(key, region)
        else:
            ignored.add(key)
    text, places = _reading(text, list(regions.values()), id, repairs)
    mentions = {key: _marked(region, text, places, id, repairs) for key, region in regions.items()}
    same: list[tuple[str, str]] = []
    between: list[tuple[str, str, str]] = []
    for place, relation in relations:
        ends = (str(relation.get("from_id")), str(relation.get("to_id")))
        missing = [end for end in ends if end not in regions]
        if missing and not ignored.issuperset(missing):
            raise InputError(f"{place}: the relation names region {missing[0]!r}, which is not there; remove it")
        labels = _labels(relation, place)
        if missing or not labels:
            reason = "of regions that are left out" if missing else "without a label"
            repairs.note(id, f"relations {reason} left out", place)
            continue
        pairs = {"left": [ends[::-1]], "bi": [ends, ends[::-1]]}.get(str(relation.get("direction")), [ends])
        for label in labels:
            if label == coreference:
                same.append(ends)
            else:
                between += [(head, label, tail) for head, tail in pairs]
    return Standoff(id, text, mentions, same, between, where)


def _region(result: Mapping[str, Any], id: str, where: str, repairs: Repairs) -> _Region | None:
    """A result of type ``labels``; None, noted, if nobody gave it a label."""
    value = result.get("value")
    start, end = (value.get("start"), value.get("end")) if isinstance(value, dict) else (None, None)
    if not isinstance(value, dict) or not isinstance(start, int) or not isinstance(end, int):
        raise InputError(f'{where}: field "value" should have "start" and "end", in characters; export it again')
    labels = _labels(value, where)
    if not labels:
        repairs.note(id, "regions without a label left out", f"{where}: {value.get('text')!r}")
        return None
    if len(labels) > 1:
        told = f"{where}: {value.get('text')!r} is {', '.join(labels)}"
        repairs.note(id, "further labels of a mention left out", told)
    recorded = value.get("text")
    return _Region(start, end, labels[0], recorded if isinstance(recorded, str) else None, where)


def _reading(text: str, regions: Sequence[_Region], id: str, repairs: Repairs) -> tuple[str, Sequence[int]]:
    """The text and, for every offset, the character that it means."""
    readings: list[tuple[str, Sequence[int]]] = []
    for variant in dict.fromkeys((text, text.replace("\r\n", "\n"))):
        readings.append((variant, range(len(variant) + 1)))
        if any(character > "\uffff" for character in variant):
            units = [i for i, character in enumerate(variant) for _ in range(1 + (character > "\uffff"))]
            readings.append((variant, [*units, len(variant)]))
    # The first of the best, so that nothing is changed without a reason.
    chosen = max(readings, key=lambda r: sum(g.text is not None and g.found(*r) == _words(g.text) for g in regions))
    if chosen[0] != text:
        repairs.note(id, "texts with line ends of two characters read as of one", "so its offsets count them")
    if not isinstance(chosen[1], range):
        repairs.note(id, "texts whose offsets count UTF-16 units", "counted in characters now")
    return chosen


def _marked(region: _Region, text: str, places: Sequence[int], id: str, repairs: Repairs) -> Marked:
    found = region.found(text, places)
    if found is None or trimmed(text, places[region.start], places[region.end]) is None:
        raise InputError(
            f"{region.where}: the region at {region.start} to {region.end} is empty or outside the text of "
            f"{len(text)} characters; correct or remove it"
        )
    recorded = found if region.text is None else _words(region.text)
    if found != recorded:
        told = f"{region.where}: the region at {region.start} to {region.end} records {recorded!r}, but is {found!r}"
        # Where whole words are marked, some releases record the part that was selected (issue 1931).
        if recorded not in found:
            raise InputError(f"{told}; correct the offsets, or take the text that was annotated")
        repairs.note(id, "mentions that record a part of their text", told)
    return Marked(places[region.start], places[region.end], region.type)


LABEL_STUDIO = Reader(
    name="label-studio",
    description="Label Studio's JSON (or JSON-MIN, without relations) export of labelled texts",
    read=lambda path, repairs: read_label_studio(path, repairs=repairs),
    recognises=lambda head: (
        head.lstrip().startswith("[")
        and any(key in head for key in ('"was_cancelled"', '"completions"', '"from_name"', '"annotation_id"'))
    ),
)
