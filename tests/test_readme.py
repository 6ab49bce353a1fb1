"""The README's Python snippets run, and print what it says they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
SNIPPETS = BLOCK.findall(README.read_text(encoding="utf-8"))


def test_there_are_snippets() -> None:
    assert SNIPPETS


@pytest.mark.parametrize(("code", "printed"), SNIPPETS)
def test_snippet(code: str, printed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(code, str(README), "exec"), {"__name__": "readme"})
    if printed:
        assert without_scores(output.getvalue()) == without_scores(printed)


def without_scores(text: str) -> str:
    """Scores may differ in the last digits between processors."""
    return re.sub(r"\d\.\d\d", "0.00", text).strip()
