"""Loads folders by transformers as users do and says, a JSON line each, what came of it: argv is folders; ids on standard input."""

import json
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()
ids, texts = json.load(sys.stdin)
for folder in sys.argv[1:]:
    model, info = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
    with torch.no_grad():
        logits = model(torch.tensor(ids)).logits
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder)
        encoded = {"ids": [tokenizer.encode(text, add_special_tokens=False) for text in texts], "eos": tokenizer.eos_token_id}
    except Exception as error:  # a folder without one
        encoded = {"error": type(error).__name__}
    print(json.dumps({
        "class": type(model).__name__,
        "missing": sorted(info["missing_keys"]),
        "unexpected": sorted(info["unexpected_keys"]),
        "mismatched": len(info["mismatched_keys"]),
        "eos": model.generation_config.eos_token_id,
        "logits": logits.flatten().tolist(),
        "tokenizer": encoded,
    }))
