from joint_ie.models.settings import ModelSettings


def test_published_settings_are_the_defaults() -> None:
    """Golden joint README 5.6; where ATLOP is the default for relations (input, loss, negatives) it does not apply."""
    settings = ModelSettings()
    assert settings.encoder.name == "bert-base-cased"
    mentions, coreference, relations = settings.mentions, settings.coreference, settings.relations
    assert (mentions.threshold, coreference.threshold, relations.threshold) == (0.85, 0.85, 0.6)
    assert (settings.dropout, settings.embedding_size) == (0.1, 25)
    assert (mentions.sizes, coreference.distances) == (30, 300)
    assert (relations.word_distances, relations.sentence_distances) == (700, 50)
    assert (mentions.negatives, coreference.negatives) == (200, 200)
    assert (mentions.inside_share, mentions.max_width) == (0.5, 10)
    weights = [
        getattr(settings.task_weights, task) for task in ("mentions", "coreference", "entity_types", "relations")
    ]
    assert weights == [1, 1, 0.25, 1]
