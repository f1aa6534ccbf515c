"""Ids of each text by each tokenizer.json, by Hugging Face's tokenizers, without added special tokens: {"files": [...], "texts": [...]} in, [[[ids]]] out."""
import json
import sys

from tokenizers import Tokenizer

asked = json.load(sys.stdin)
answers = []
for file in asked["files"]:
    tokenizer = Tokenizer.from_file(file)
    answers.append([encoded.ids for encoded in tokenizer.encode_batch(asked["texts"], add_special_tokens=False)])
json.dump(answers, sys.stdout)
