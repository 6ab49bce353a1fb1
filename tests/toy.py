"""Tiny random models, tokenizers and documents; test modules get this file as the fixture ``toy``."""

import random
from collections.abc import Sequence

import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import BertConfig, PreTrainedTokenizerFast

from joint_ie.document import Document, Entity, Relation
from joint_ie.encoding.batches import Collator
from joint_ie.encoding.sampling import Negatives
from joint_ie.encoding.training_set import Budget, Joining, TrainingSet
from joint_ie.heads.encoder import encoder_from_config
from joint_ie.models.checkpoint import collator_for
from joint_ie.models.config import JointConfig
from joint_ie.models.joint import JointModel
from joint_ie.models.settings import ModelSettings
from joint_ie.schema import Schema
from joint_ie.settings import from_mapping

LETTERS = "abcde"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]")
SCHEMA = Schema.from_names(["PER", "LOC", "ORG"], ["P1", "P2", "P3", "P4"])
REPRESENTATIONS = (
    "entity-concatenation",
    "multi-instance",
    "localized-context",
    "axial-attention",
    "u-net",
    "pair-aware",
)
SIZES = {
    "embedding_size": 12,
    "block_size": 4,
    "axial": {"layers": 2},
    "unet": {"outputs": 6, "base": 4},
    "pair_aware": {"channels": 6, "heads": 2},
}


def tokenizer() -> PreTrainedTokenizerFast:
    """WordPiece over five letters; every other letter is unknown, control characters have no subword at all."""
    pieces = [*SPECIAL, "*", *LETTERS, *LETTERS.upper(), *(f"##{c}" for c in LETTERS)]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=False)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), SPECIAL, strict=True))
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def byte_level() -> PreTrainedTokenizerFast:
    """As RoBERTa's: bytes, the space before a word as part of it, ``<s> ... </s>``."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    trainer = trainers.BpeTrainer(
        vocab_size=280,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(["the cat and the dog"], trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


def document(
    seed: int,
    sentences: int = 3,
    words: int = 6,
    entities: int = 4,
    relations: int | None = 3,
    most_mentions: int = 3,
) -> Document:
    """Random words, mentions of one to three words inside a sentence, and relations."""
    draw = random.Random(seed)
    text = [
        ["".join(draw.choices(LETTERS, k=draw.randint(1, 3))) for _ in range(draw.randint(words - 2, words + 2))]
        for _ in range(sentences)
    ]
    bare = Document.from_words(f"doc-{seed}", text)
    found = []
    for _ in range(entities):
        mentions = []
        for _ in range(draw.randint(1, most_mentions)):
            first, last = draw.choice(bare.sentence_spans)
            start = draw.randrange(first, last)
            mentions.append(bare.mention(start, min(last, start + draw.randint(1, 3))))
        found.append(Entity(draw.choice(SCHEMA.entity_types).id, mentions[0].text, tuple(mentions)))
    facts = None
    if relations is not None:
        pairs = [(i, j) for i in range(entities) for j in range(entities) if i != j]
        facts = [
            Relation(*pair, draw.choice(SCHEMA.relation_types).id)
            for pair in draw.sample(pairs, min(relations, len(pairs)))
        ]
    return bare.with_annotations(found, facts)


def encoder_config() -> BertConfig:
    return BertConfig(
        vocab_size=20,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=200,
        initializer_range=0.3,  # attention far from uniform
    )


def model(seed: int = 0, **settings) -> JointModel:
    """Random weights, in evaluation mode; ``settings`` as in a training configuration."""
    torch.manual_seed(seed)
    settings.setdefault("embedding_size", 5)
    settings["encoder"] = {"overlap": 4, **settings.get("encoder", {})}
    settings["relations"] = {**SIZES, **settings.get("relations", {})}
    encoder = encoder_from_config(encoder_config().to_dict())
    checked = from_mapping(ModelSettings, settings)
    made = JointModel(JointConfig.build(checked, encoder.config, SCHEMA), encoder).eval()
    # scores that differ, so that thresholds cut somewhere
    with torch.no_grad():
        for scorer in (made.mention_scorer, made.coreference_scorer):
            scorer.out.weight -= scorer.out.weight.mean()
            scorer.out.weight *= 20
    return made


def collator(made: JointModel) -> Collator:
    return collator_for(made, tokenizer())


def training_set(
    made: JointModel,
    documents: Sequence[Document],
    negatives: Negatives | None = None,
    budget: Budget | None = None,
    shares: Sequence[float] | None = None,
    seed: int = 0,
    joining: Joining | None = None,
) -> TrainingSet:
    return TrainingSet(
        documents,
        shares or [1.0] * len(documents),
        SCHEMA,
        collator(made),
        negatives or Negatives(mentions=12, coreference=5),
        made.settings.mentions.max_width,
        budget or Budget(),
        seed,
        marked=made.settings.relations.marked,
        joining=joining,
        evidence=made.settings.relations.evidence_weight > 0,
        max_antecedents=made.settings.coreference.antecedents,
        segmenting=made.settings.mentions.segmenting,
    )
