"""Logits of the score model for one batch of rows."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from gpt_neox import Config, ScoreModel, load


class Scoring:
    def __init__(self, folder: Path, spec: dict):
        self.model = load(ScoreModel(Config.of(spec)), load_file(folder / "score.safetensors")).eval()
        self.batches = load_file(folder / "batches.safetensors")["ids"].long()
        self.logits = torch.compile(self.model) if spec["compile"] else self.model
        self.done = 0

    @torch.inference_mode()
    def step(self) -> dict:
        ids = self.batches[self.done % len(self.batches)]
        self.done += 1
        logits = self.logits(ids).tolist()
        return {"first": logits[0], "last": logits[-1], "norm": sum(x * x for x in logits) ** 0.5}
