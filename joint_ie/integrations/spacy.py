"""``nlp.add_pipe("joint_ie")``: what the entry point in the group ``spacy_factories`` names.

spaCy imports this module whenever it makes any pipeline, so it imports nothing that takes time.
"""

from typing import TYPE_CHECKING, Literal

from spacy.language import Language

if TYPE_CHECKING:
    from joint_ie.integrations.spacy_component import JointIE

_MEASURES = ("clusters", "entities", "relations", "relations_strict")


@Language.factory(
    "joint_ie",
    default_config={
        "model": "default",
        "precision": "auto",
        "min_score": 0.0,
        "overwrite_ents": False,
        "batch_words": 3000,
    },
    assigns=["doc.ents", "doc.spans", "doc.user_data", "doc._.joint_ie", "doc._.relations"],
    # shown in the table of `spacy train`, but of no weight there: this component is not trained by spaCy
    default_score_weights={f"joint_ie_{measure}_f": 0.0 for measure in _MEASURES},
)
def make_joint_ie(
    nlp: Language,
    name: str,
    model: str,
    precision: Literal["auto", "bf16", "no"],
    min_score: float,
    overwrite_ents: bool,
    batch_words: int,
) -> "JointIE":
    """The component `joint_ie.integrations.spacy_component.JointIE`, which describes the settings."""
    from joint_ie.integrations.spacy_component import JointIE

    return JointIE(
        nlp.lang,
        name,
        model=model,
        precision=precision,
        min_score=min_score,
        overwrite_ents=overwrite_ents,
        batch_words=batch_words,
    )
