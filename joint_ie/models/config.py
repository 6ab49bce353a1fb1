"""The configuration saved with every checkpoint."""

from typing import Any

from transformers import PretrainedConfig

from joint_ie.models.settings import ModelSettings
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping, to_mapping


class JointConfig(PretrainedConfig):
    """``config.json``: model settings, the encoder's own configuration, and the schema.

    Kept as plain mappings, as `PretrainedConfig` wants it; `settings` and `schema` give them checked.
    """

    model_type = "joint-ie"

    def __init__(
        self,
        model: dict[str, Any] | None = None,
        encoder_config: dict[str, Any] | None = None,
        labels: dict[str, Any] | None = None,
        packed: bool = False,
        **rest: Any,
    ) -> None:
        self.model = model or {}
        self.encoder_config = encoder_config or {}
        self.labels = labels or {"entity_types": [], "relation_types": []}
        self.packed = packed  # weights in the file are 8-bit integers, see models.quantisation
        super().__init__(**rest)

    @classmethod
    def build(cls, settings: ModelSettings, encoder_config: PretrainedConfig, schema: Schema) -> "JointConfig":
        """From checked parts."""
        encoder = encoder_config.to_dict()
        encoder.pop("_name_or_path", None)  # a folder of this machine, perhaps
        return cls(model=to_mapping(settings), encoder_config=encoder, labels=schema.to_dict())

    @property
    def settings(self) -> ModelSettings:
        """The model settings, checked."""
        return from_mapping(ModelSettings, self.model, where="config.json: model")

    @property
    def schema(self) -> Schema:
        """The labels the model knows."""
        return Schema.from_dict(self.labels, where="config.json: labels")
