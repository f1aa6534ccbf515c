"""Says what transformers reads of positions in a config.json: configurations on standard input, a JSON list; a line of its rotary frequencies each, or of its error."""

import json
import sys

import transformers
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

logging.set_verbosity_error()
print(json.dumps({"transformers": transformers.__version__}))
for fields in json.load(sys.stdin):
    try:
        model = AutoModelForCausalLM.from_config(AutoConfig.for_model(**fields))
        found = [buffer for name, buffer in model.named_buffers() if name.endswith(".inv_freq")]
        print(json.dumps({"frequencies": found[-1].tolist(), "scaling": getattr(getattr(getattr(model, "model", None), "rotary_emb", None), "attention_scaling", 1)}))
    except Exception as error:
        print(json.dumps({"error": type(error).__name__}))
