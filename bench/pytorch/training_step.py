"""One AdamW step of a language model: forward, backward, global clip, update."""

from pathlib import Path

import torch
from safetensors.torch import load_file

from adamw import adamw
from gpt_neox import Config, LanguageModel, load
from losses import mean_loss, next_tokens


class TrainingStep:
    def __init__(self, folder: Path, spec: dict):
        self.model = load(LanguageModel(Config.of(spec)), load_file(folder / "params.safetensors"))
        self.batches = load_file(folder / "batches.safetensors")["ids"].long()
        self.clip = spec["gradientClip"]
        self.optimizer = adamw(self.model.parameters(), spec["learningRate"], spec["adam"])
        self.loss_of = torch.compile(self.loss) if spec["compile"] else self.loss
        self.done = 0

    def loss(self, ids: torch.Tensor) -> torch.Tensor:
        return mean_loss(self.model(ids), next_tokens(ids))

    def step(self) -> dict:
        ids = self.batches[self.done % len(self.batches)]
        self.done += 1
        loss = self.loss_of(ids)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return {"loss": loss.item(), "gradientNorm": norm.item()}
