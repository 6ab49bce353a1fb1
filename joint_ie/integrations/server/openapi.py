"""What ``/openapi.json`` says of ``POST /extract``, whose body FastAPI does not read."""

from typing import Any

from joint_ie.integrations.server.answers import FORMS
from joint_ie.integrations.server.asking import EXAMPLE


def _one_or_many(description: str) -> dict[str, Any]:
    string = {"type": "string"}
    return {"oneOf": [string, {"type": "array", "items": string, "minItems": 1}], "description": description}


_ASKED = {
    "type": "object",
    "required": ["text"],
    "additionalProperties": False,
    "properties": {
        "text": _one_or_many("a text, or a list of texts"),
        "id": _one_or_many(
            "its name (up to 1,000 characters), or a list of theirs, all different (default: text-1 and so on)"
        ),
        "min_score": {
            "type": "number",
            "minimum": 0,
            "maximum": 1,
            "default": 0,
            "description": "relations with a lower score are left out",
        },
    },
}

EXTRACTION: dict[str, Any] = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": _ASKED, "example": EXAMPLE}}}
}

_REASONS = {
    400: "The body is not JSON in UTF-8",
    401: "The token is missing or wrong",
    406: "Accept asks for no form that there is",
    408: "The body came too slowly",
    413: "The body, a text or the list of texts is too large; GET /model names the limits",
    415: "The body is not declared as JSON",
    421: "The request is for a host of another name",
    422: "A field is wrong",
    503: "Too many requests are waiting, or there was no answer in time; try again as Retry-After says",
}
_ERROR = {"application/json": {"schema": {"type": "object", "properties": {"error": {"type": "string"}}}}}

REFUSALS: dict[int | str, dict[str, Any]] = {
    200: {"description": "What was found", "content": {media_type: {} for media_type in FORMS}},
    **{status: {"description": reason, "content": _ERROR} for status, reason in _REASONS.items()},
}
"""The answers of ``POST /extract``."""
