"""Says what transformers takes for fields that a config.json of GPT-NeoX or LLaMA leaves out: JSON by version and model_type, of one version."""

import json

import transformers
from transformers import AutoConfig

print(json.dumps({transformers.__version__: {name: AutoConfig.for_model(name).to_dict() for name in ("gpt_neox", "llama")}}))
