"""Joint entity and relation extraction: raw text in, knowledge graph out."""
