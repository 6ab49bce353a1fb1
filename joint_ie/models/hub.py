"""Sharing a model on the Hugging Face hub; `joint_ie.models.sources` gets it from there."""

from pathlib import Path

from joint_ie.errors import InputError
from joint_ie.models.loading import load_model
from joint_ie.models.sources import FILES


def push_to_hub(folder: str | Path, name: str, *, private: bool | None = None) -> str:
    """Upload a checkpoint folder as it is, model card included; returns the name that `joint_ie.load` takes.

    Args:
        folder: what ``joint-ie train``, ``adapt`` or ``pack`` wrote.
        name: ``user/name`` on the hub; made if it is not there.
        private: whether a new one is for its owner's eyes only; None is the hub's default.
    """
    # Imported only when asked for: nothing else here needs the network.
    from huggingface_hub import create_repo, upload_folder
    from huggingface_hub.errors import HTTPError

    folder = Path(folder).expanduser()
    load_model(folder)  # raises what is wrong with it
    if not (folder / "README.md").is_file():
        raise InputError(f"{folder}: has no model card (README.md); make a copy with one by `joint-ie pack`")
    try:
        found: str = create_repo(name, private=private, exist_ok=True).repo_id
        upload_folder(repo_id=found, folder_path=folder, allow_patterns=[*FILES, "README.md"])
    except (OSError, ValueError, HTTPError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{name}: the hub does not take it ({reason}); see `hf auth whoami` for your rights") from None
    return found
