"""One of the three products of a linear map on a batch: y = x Wᵀ and its two gradients, as autograd computes them."""

from pathlib import Path

import torch
from safetensors.torch import load_file


class Product:
    def __init__(self, folder: Path, spec: dict):
        operands = load_file(folder / "operands.safetensors")
        x, y, w = operands["x"], operands["y"], operands["w"]
        self.left, self.right = {
            "forward": (x, w.T),
            "input gradient": (y, w),
            "weight gradient": (y.T, x),
        }[spec["role"]]

    @torch.inference_mode()
    def step(self) -> dict:
        product = self.left @ self.right
        return {"first": product[0, 0].item()}
