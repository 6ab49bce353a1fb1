"""The Python snippets of README and docs run, and print what is said that they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
PAGES = [ROOT / "README.md", *(ROOT / "docs" / f"{name}.md" for name in ("scoring", "graph", "spacy", "pipelines"))]
SNIPPETS = [(page, *found) for page in PAGES for found in BLOCK.findall(page.read_text(encoding="utf-8"))]


def test_there_are_snippets() -> None:
    assert {page for page, _, _ in SNIPPETS} == set(PAGES)


@pytest.mark.parametrize(("page", "code", "printed"), SNIPPETS)
def test_snippet(page: Path, code: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, str(page), "exec"), {"__name__": "readme"})
    if printed:
        assert without_scores(output.getvalue()) == without_scores(printed)


def without_scores(text: str) -> str:
    """Scores may differ in the last digits between processors."""
    return re.sub(r"\d\.\d\d", "0.00", text).strip()
