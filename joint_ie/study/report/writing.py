"""The files of a report."""

import json
from collections.abc import Collection, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from joint_ie.corpora.files import writing
from joint_ie.study.report.assembly import report_of
from joint_ie.study.report.latex import latex
from joint_ie.study.report.markdown import markdown
from joint_ie.study.report.report_page import report_page
from joint_ie.study.results import Results

if TYPE_CHECKING:
    from joint_ie.study.report.plots import Drawing

FORMATS = ("md", "tex", "html")

NO_PLOTS = (
    "There are no plots, because matplotlib is not installed; pip install joint-ie[study], and make the report again."
)


def write_report(results: Results, folder: Path, formats: Collection[str] = FORMATS) -> list[Path]:
    """Write ``report.json``, the ``formats`` asked for, and ``figures``, and say which files that were.

    Raises `InputError` where a file cannot be written.
    """
    drawings = _drawings(results)
    report = report_of(results, "" if drawings else NO_PLOTS)
    texts = {"json": json.dumps(results.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"}
    if "md" in formats:
        texts["md"] = markdown(report, drawings)
    if "tex" in formats:
        texts["tex"] = latex(report, drawings)
    if "html" in formats:
        texts["html"] = report_page(report, {name: drawing.svg for name, drawing in drawings.items()})
    files = {folder / f"report.{ending}": text.encode("utf-8", "replace") for ending, text in texts.items()}
    for name, drawing in drawings.items():
        files[folder / "figures" / f"{name}.svg"] = drawing.svg.encode()
        files[folder / "figures" / f"{name}.pdf"] = drawing.pdf
    for path, content in files.items():
        with writing(path):
            path.write_bytes(content)
    return list(files)


def _drawings(results: Results) -> "Mapping[str, Drawing]":
    """None without matplotlib, which is an optional extra."""
    if find_spec("matplotlib") is None:
        return {}
    from joint_ie.study.report.plots import draw

    return draw(results)
