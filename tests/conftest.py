"""What tests of several rooms need: corpora and reference numbers, which never enter the repository, and a browser."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure. In CI examples are the same every time, so that a red run can be run again.
settings.register_profile(
    "joint_ie", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=bool(os.environ.get("CI"))
)
settings.load_profile("joint_ie")

# Workers beside each other (pytest -n) share the cores; torch, which is not loaded yet, would take all in each.
_workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 0))
if _workers:
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 1) // _workers, 1)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow tests first: at the end a worker would have two of them left, and the others nothing."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with `data/`, `golden/` and `encoders/`; `JOINT_IE_SHARED` names it if it is elsewhere."""
    folder = Path(os.environ.get("JOINT_IE_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "golden").is_dir():
        pytest.skip(f"reference numbers not found at {folder}; set JOINT_IE_SHARED")
    return folder


@pytest.fixture(scope="session")
def toy() -> ModuleType:
    """Tiny models and documents (`tests/toy.py`)."""
    return _module(Path(__file__).with_name("toy.py"))


@pytest.fixture(scope="session")
def published() -> ModuleType:
    """Golden numbers of published heads, and inputs for heads (`tests/published.py`)."""
    return _module(Path(__file__).with_name("published.py"))


@pytest.fixture(scope="session")
def script() -> Callable[[str], ModuleType]:
    """Of a name, that script of `benchmarks`."""
    return lambda name: _module(Path(__file__).parents[1] / "benchmarks" / f"{name}.py")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium; skips with the reason where it or playwright is missing."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is missing (pip install playwright)")
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("there is no chromium on this machine")
    with playwright.sync_playwright() as run:
        started = run.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield started
        started.close()


@pytest.fixture
def watched(browser: Any) -> Callable[[str], AbstractContextManager[tuple[Any, list[str]]]]:
    """Opens an address: the page, and what it has asked for; anything that the browser complains about fails."""

    @contextmanager
    def visit(url: str) -> Iterator[tuple[Any, list[str]]]:
        opened = browser.new_page(viewport={"width": 1300, "height": 900})
        complaints: list[str] = []
        opened.on("console", lambda message: complaints.append(message.text))
        opened.on("pageerror", lambda error: complaints.append(str(error)))
        opened.on("dialog", lambda dialog: (complaints.append(dialog.message), dialog.dismiss()))
        requests: list[str] = []
        opened.on("request", lambda request: requests.append(request.url))
        opened.goto(url)
        yield opened, requests
        assert complaints == []
        opened.close()

    return visit


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # where dataclasses look up their own annotations
    spec.loader.exec_module(module)
    return module
