"""How many subwords pretrained models take at once."""

from transformers import PretrainedConfig

RELATIVE = 512  # where positions are relative: what T5 was pretrained with

# Positions are counted from behind the padding id: RoBERTa's kind.
FROM_BEHIND_PADDING = (
    "camembert",
    "data2vec-text",
    "ibert",
    "longformer",
    "luke",
    "mpnet",
    "roberta",
    "roberta-prelayernorm",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
)


def position_limit(config: PretrainedConfig) -> int | None:
    """The most subwords that an encoder or a decoder takes at once; None if its positions are relative (T5)."""
    positions = getattr(config, "max_position_embeddings", None)
    return None if positions is None else positions - position_offset(config)


def input_length(config: PretrainedConfig) -> int:
    """The most subwords that an encoder is given at once: its limit, or what it was pretrained with."""
    limit = position_limit(config)
    return getattr(config, "n_positions", RELATIVE) if limit is None else limit


def position_offset(config: PretrainedConfig) -> int:
    """The rows of the position embeddings that are before the first subword's."""
    return config.pad_token_id + 1 if config.model_type in FROM_BEHIND_PADDING else 0
