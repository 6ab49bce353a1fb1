"""From settings to a relation head."""

from collections.abc import Callable, Mapping

from joint_ie.heads.axial_context import AxialContext
from joint_ie.heads.entity_concatenation import EntityConcatenation
from joint_ie.heads.localized_context import LocalizedContext
from joint_ie.heads.multi_instance import MultiInstance
from joint_ie.heads.pair_aware import PairAware
from joint_ie.heads.relation_head import RelationHead
from joint_ie.heads.unet_context import UNetContext
from joint_ie.models.settings import ModelSettings


def relation_head(settings: ModelSettings, width: int, types: int, relations: int) -> RelationHead:
    """The head that the settings name.

    Args:
        settings: of the whole model.
        width: of the encoder's hidden states.
        types: how many entity types there are.
        relations: how many relation types.
    """
    chosen = settings.relations
    size, classes, dropout = settings.embedding_size, 1 + relations, settings.dropout
    heads: Mapping[str, Callable[[], RelationHead]] = {
        "entity-concatenation": lambda: EntityConcatenation(
            hidden_size=width, types=types, embedding_size=size, classes=classes, dropout=dropout
        ),
        "multi-instance": lambda: MultiInstance(
            hidden_size=width,
            types=types,
            embedding_size=size,
            word_distances=chosen.word_distances,
            sentence_distances=chosen.sentence_distances,
            classes=classes,
            dropout=dropout,
        ),
        "localized-context": lambda: LocalizedContext(
            hidden_size=width,
            embedding_size=chosen.embedding_size,
            block_size=chosen.block_size,
            classes=classes,
            types=types,
            type_embedding_size=size if chosen.typed else 0,
            pool_spans=chosen.pool_spans,
            dropout=chosen.dropout,
            pooling=chosen.pooling,
            context=chosen.context,
        ),
        "axial-attention": lambda: AxialContext(
            hidden_size=width,
            embedding_size=chosen.embedding_size,
            block_size=chosen.block_size,
            classes=classes,
            layers=chosen.axial.layers,
            heads=chosen.axial.heads,
            form=chosen.axial.form,
            pooling=chosen.pooling,
        ),
        "u-net": lambda: UNetContext(
            hidden_size=width,
            embedding_size=chosen.embedding_size,
            block_size=chosen.block_size,
            classes=classes,
            inputs=chosen.unet.inputs,
            outputs=chosen.unet.outputs,
            base=chosen.unet.base,
            pooling=chosen.pooling,
        ),
        "pair-aware": lambda: PairAware(
            hidden_size=width,
            embedding_size=chosen.embedding_size,
            block_size=chosen.block_size,
            classes=classes,
            types=types,
            channels=chosen.pair_aware.channels,
            filling=chosen.pair_aware.filling,
            pair_aware=chosen.pair_aware.grid,
            entity_enhanced=chosen.pair_aware.entity_enhanced,
            pair_filter=chosen.pair_aware.filter,
            pair_threshold=chosen.pair_aware.threshold,
            layers=chosen.pair_aware.layers,
            heads=chosen.pair_aware.heads,
            dropout=dropout,
            weighting=chosen.pair_aware.weighting,
            pooling=chosen.pooling,
        ),
    }
    return heads[chosen.representation]()
