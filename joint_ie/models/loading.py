"""Any checkpoint folder: joint models and generating ones."""

from pathlib import Path

from transformers import PreTrainedTokenizerBase

from joint_ie.models.checkpoint import collator_for, load_checkpoint, read_config
from joint_ie.models.joint import JointModel
from joint_ie.models.prediction import Predictor
from joint_ie.models.seq2seq import Seq2SeqModel
from joint_ie.models.seq2seq_checkpoint import load_generator
from joint_ie.models.seq2seq_config import Seq2SeqConfig
from joint_ie.models.seq2seq_prediction import Seq2SeqPredictor


def load_model(folder: Path) -> tuple[JointModel | Seq2SeqModel, PreTrainedTokenizerBase]:
    """Read a checkpoint folder, whichever kind its ``config.json`` names, in evaluation mode."""
    if read_config(folder).get("model_type") == Seq2SeqConfig.model_type:
        return load_generator(folder)
    return load_checkpoint(folder)


def predictor_for(model: JointModel | Seq2SeqModel, tokenizer: PreTrainedTokenizerBase) -> Predictor | Seq2SeqPredictor:
    """What annotates documents with a model of either kind."""
    if isinstance(model, Seq2SeqModel):
        return Seq2SeqPredictor(model, tokenizer)
    return Predictor(model, collator_for(model, tokenizer))
