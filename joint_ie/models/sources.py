"""Where pretrained encoders come from."""

import os
from importlib.util import find_spec
from pathlib import Path

from joint_ie.errors import InputError


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
