"""Sharing a checkpoint: what is pushed is what `load` reads. The hub is a folder here."""

import runpy
import shutil
from fnmatch import fnmatch
from pathlib import Path
from types import SimpleNamespace

import huggingface_hub
import pytest
from huggingface_hub.errors import HTTPError

import joint_ie
from joint_ie.errors import InputError
from joint_ie.training.finish import add_card

write_checkpoint = runpy.run_path(str(Path(__file__).parents[1] / "tiny_checkpoint.py"))["write_checkpoint"]


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "hub"

    def create_repo(name: str, private: bool | None, exist_ok: bool) -> SimpleNamespace:
        assert exist_ok
        (root / "ann" / name.split("/")[-1]).mkdir(parents=True, exist_ok=True)
        return SimpleNamespace(repo_id=f"ann/{name.split('/')[-1]}")

    def upload_folder(repo_id: str, folder_path: Path, allow_patterns: list[str]) -> None:
        for path in folder_path.iterdir():
            if any(fnmatch(path.name, pattern) for pattern in allow_patterns):
                shutil.copy(path, root / repo_id)

    def snapshot_download(name: str, allow_patterns: list[str]) -> str:
        for path in (root / name).iterdir():
            if not any(fnmatch(path.name, pattern) for pattern in allow_patterns):
                path.unlink()
        return str(root / name)

    for function in (create_repo, upload_folder, snapshot_download):
        monkeypatch.setattr(huggingface_hub, function.__name__, function)
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "best").mkdir()
    return write_checkpoint(tmp_path / "best")


def test_a_pushed_checkpoint_is_loaded_by_its_name(hub: Path, folder: Path) -> None:
    add_card(folder)
    (folder / "training.yaml").write_text("tune: true\n")
    whole = {path.name for path in folder.iterdir()}
    (folder / "notes.pkl").write_bytes(b"")
    assert joint_ie.push_to_hub(folder, "model", private=True) == "ann/model"
    assert {path.name for path in (hub / "ann" / "model").iterdir()} == whole
    text = "Ann Lee was born in Oslo. She left for Rome in 1901."
    found = joint_ie.load("ann/model", device="cpu", precision="no")(text)
    assert found == joint_ie.load(folder, device="cpu", precision="no")(text)
    assert found.relations


def test_what_cannot_be_pushed(hub: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"best: has no model card \(README\.md\); .*joint-ie pack"):
        joint_ie.push_to_hub(folder, "ann/model")
    add_card(folder)

    def refuse(*args: object, **options: object) -> None:
        raise HTTPError("401 Client Error.\nInvalid username or password.")

    monkeypatch.setattr(huggingface_hub, "create_repo", refuse)
    with pytest.raises(InputError, match=r"ann/model: .*401 Client Error\. Invalid username.*hf auth"):
        joint_ie.push_to_hub(folder, "ann/model")
    (folder / "tokenizer.json").unlink()
    with pytest.raises(InputError, match="has no tokenizer"):
        joint_ie.push_to_hub(folder, "ann/model")
    assert not hub.exists()
