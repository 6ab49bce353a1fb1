"""Where encoders and models come from."""

import os
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from joint_ie.errors import InputError

FILES = ("*.json", "*.safetensors", "*.txt", "*.yaml")
"""Of a model on the hub: nothing that could run."""
_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def encoder_source(name: str) -> str:
    """The folder or hub name behind an encoder's name in a configuration.

    ``package:folder`` is a folder inside an installed Python package; ``$JOINT_IE_ENCODERS/<last part of name>`` is
    used if it exists, for machines without access to the hub; everything else is left to Transformers.
    """
    package, colon, folder = name.partition(":")
    if colon and not Path(name).exists():
        try:
            spec = find_spec(package)
        except (ImportError, ValueError):  # of a dotted name whose parent is missing, of an empty one
            spec = None
        if spec is None or not spec.submodule_search_locations:
            raise InputError(f"encoder {name!r}: package {package} is not installed; pip install 'joint-ie[train]'")
        return str(Path(spec.submodule_search_locations[0]) / folder)
    local = os.environ.get("JOINT_IE_ENCODERS")
    if local and (Path(local) / name.rsplit("/", 1)[-1]).is_dir():
        return str(Path(local) / name.rsplit("/", 1)[-1])
    return name


def find_model(model: str | Path = "default") -> Path:
    """The checkpoint folder behind ``default``, a path or a hub id; `InputError` says what is not there."""
    if model == "default":
        bundled = Path(str(files("joint_ie.bundled") / "model"))
        if not bundled.is_dir():
            raise InputError("the bundled model is not part of this installation; name a model folder or a hub id")
        return bundled
    folder = Path(model).expanduser()
    if folder.is_dir():
        return folder
    if folder.exists():
        raise InputError(f"{model}: is a file; name the model's folder")
    if not isinstance(model, str) or not _HUB_NAME.fullmatch(model):
        raise InputError(f"{model}: no such folder; name a model folder, a hub id (user/name) or default")
    return _from_hub(model)


def _from_hub(name: str) -> Path:
    # Imported only when asked for: nothing else here needs the network.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError  # of whichever HTTP library this version of the hub uses

    try:
        return Path(snapshot_download(name, allow_patterns=[*FILES]))
    except (OSError, ValueError, HTTPError) as error:
        reason = str(error).strip().split("\n")[0]
        raise InputError(f"{name}: no such folder, and the hub does not give a model of this name ({reason})") from None
