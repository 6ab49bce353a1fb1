"""A checkpoint with random weights that finds about half of everything; run by `runpy` from the tests that need it."""

from dataclasses import replace
from pathlib import Path
from string import ascii_lowercase, digits, punctuation
from typing import Literal

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, PreTrainedTokenizerFast

from joint_ie.models.checkpoint import save_checkpoint
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.relation_settings import RelationSettings
from joint_ie.models.settings import CoreferenceSettings, Detector, EncoderSettings, MentionSettings, ModelSettings
from joint_ie.schema import Schema


def write_checkpoint(
    folder: Path,
    method: Literal["pairwise", "antecedent"] = "pairwise",
    detector: Detector = "span",
    **relations: object,
) -> Path:
    """Windows of 64 characters; ``method`` of coreference; ``relations`` are `RelationSettings`."""
    torch.manual_seed(5)
    tokenizer = character_tokenizer()
    encoder = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        initializer_range=0.5,
    )
    settings = ModelSettings(
        encoder=EncoderSettings(name="tiny", overlap=16, casing=True),
        mentions=MentionSettings(detector, max_width=2, threshold=0.3),
        coreference=CoreferenceSettings(method, threshold=0.8),
        relations=replace(RelationSettings(embedding_size=16, block_size=8, typed=True), **relations),
    )
    schema = Schema.from_names(["PER", "LOC"], {"P19": "place of birth", "P27": "country", "P50": "author"})
    model = JointModel(JointConfig.build(settings, encoder, schema))
    with torch.no_grad():  # scores on both sides of the thresholds, and far enough from them
        for layer in (model.mention_scorer.out, model.coreference_scorer.out, model.relation_scorer.bilinear):
            layer.weight.mul_(20)
            layer.bias.zero_()
    save_checkpoint(model, tokenizer, folder)
    return folder


def character_tokenizer() -> PreTrainedTokenizerFast:
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    characters = ascii_lowercase + digits + punctuation
    vocabulary = {piece: i for i, piece in enumerate([*special, *characters, *(f"##{c}" for c in characters)])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )
