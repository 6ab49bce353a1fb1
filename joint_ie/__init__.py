"""Joint entity and relation extraction: raw text in, knowledge graph out.

Names are loaded when they are asked for (PEP 562), so that ``import joint_ie`` stays quick.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from joint_ie import evaluation, losses
    from joint_ie.document import Document
    from joint_ie.extraction import Extractor, load
    from joint_ie.models.hub import push_to_hub

    __version__: str

__all__ = ["Document", "Extractor", "__version__", "evaluation", "load", "losses", "push_to_hub"]

_HOMES = {
    "Document": "joint_ie.document",
    "Extractor": "joint_ie.extraction",
    "load": "joint_ie.extraction",
    "push_to_hub": "joint_ie.models.hub",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in ("evaluation", "losses"):
        return import_module(f"{__name__}.{name}")
    if name == "__version__":
        return import_module("importlib.metadata").version("joint-ie")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
