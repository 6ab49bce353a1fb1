import pytest

from joint_ie.heads import pair_contexts


@pytest.fixture(params=("whole", "blocks"))
def blocks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways through a document: at once, and in blocks of positions with a few pairs at a time."""
    if request.param == "blocks":
        monkeypatch.setattr(pair_contexts, "BLOCK", 5)
        monkeypatch.setattr(pair_contexts, "ELEMENTS", 40)
