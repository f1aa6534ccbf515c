"""GPT-NeoX (Pythia) in plain PyTorch: modules are named so that the tensors have Hugging Face's names.

Parallel residual, rotary on the first part of each head, exact GELU, untied output projection, no dropout.
"""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True)
class Config:
    layers: int
    width: int
    heads: int
    rotary_dimensions: int
    rotary_base: float
    layer_norm_epsilon: float
    vocabulary_size: int
    sequence_length: int

    @staticmethod
    def of(spec: dict) -> "Config":
        """From the specification that bench/ writes: the model as in a run's configuration, beside V and T."""
        model = spec["model"]
        return Config(
            layers=model["layers"],
            width=model["width"],
            heads=model["heads"],
            rotary_dimensions=int(model["width"] // model["heads"] * model["rotaryFraction"]),
            rotary_base=model["rotaryBase"],
            layer_norm_epsilon=model["layerNormEpsilon"],
            vocabulary_size=spec["vocabularySize"],
            sequence_length=spec["sequenceLength"],
        )


class Rotary(nn.Module):
    """x·cos + (−x₂, x₁)·sin on the first r channels of a head; the others pass."""

    def __init__(self, config: Config):
        super().__init__()
        half = config.rotary_dimensions // 2
        frequencies = config.rotary_base ** (-torch.arange(half, dtype=torch.float64) / half)
        angles = torch.outer(torch.arange(config.sequence_length, dtype=torch.float64), frequencies).repeat(1, 2)
        self.dimensions = config.rotary_dimensions
        self.register_buffer("cos", angles.cos().float(), persistent=False)
        self.register_buffer("sin", angles.sin().float(), persistent=False)

    def forward(self, x: Tensor) -> Tensor:  # [n, heads, T, h]
        turned, rest = x[..., : self.dimensions], x[..., self.dimensions :]
        first, second = turned.chunk(2, dim=-1)
        turned = turned * self.cos + torch.cat((-second, first), dim=-1) * self.sin
        return torch.cat((turned, rest), dim=-1)


class Attention(nn.Module):
    """One product makes [q k v] head by head."""

    def __init__(self, config: Config, rotary: Rotary):
        super().__init__()
        self.heads = config.heads
        self.rotary = rotary
        self.query_key_value = nn.Linear(config.width, 3 * config.width)
        self.dense = nn.Linear(config.width, config.width)

    def forward(self, x: Tensor, causal: bool, twice_differentiable: bool) -> Tensor:  # [n, T, d]
        n, length, width = x.shape
        by_head = self.query_key_value(x).view(n, length, self.heads, -1).transpose(1, 2)
        query, key, value = by_head.chunk(3, dim=-1)
        query, key = self.rotary(query), self.rotary(key)
        if twice_differentiable:
            attended = explicit_attention(query, key, value, causal)
        else:
            attended = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
        return self.dense(attended.transpose(1, 2).reshape(n, length, width))


def explicit_attention(query: Tensor, key: Tensor, value: Tensor, causal: bool) -> Tensor:
    """The same by its formula: PyTorch's fused attention has no second derivative."""
    length = query.shape[-2]
    scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1])
    if causal:
        hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
        scores = scores.masked_fill(hidden, float("-inf"))
    return scores.softmax(dim=-1) @ value


class Mlp(nn.Module):
    def __init__(self, config: Config):
        super().__init__()
        self.dense_h_to_4h = nn.Linear(config.width, 4 * config.width)
        self.dense_4h_to_h = nn.Linear(4 * config.width, config.width)

    def forward(self, x: Tensor) -> Tensor:
        return self.dense_4h_to_h(F.gelu(self.dense_h_to_4h(x)))


class Block(nn.Module):
    def __init__(self, config: Config, rotary: Rotary):
        super().__init__()
        self.input_layernorm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)
        self.post_attention_layernorm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)
        self.attention = Attention(config, rotary)
        self.mlp = Mlp(config)

    def forward(self, x: Tensor, causal: bool, twice_differentiable: bool) -> Tensor:
        attended = self.attention(self.input_layernorm(x), causal, twice_differentiable)
        return x + attended + self.mlp(self.post_attention_layernorm(x))


class Backbone(nn.Module):
    """Everything but the output projection: ids [n, T] → [n, T, d]."""

    def __init__(self, config: Config):
        super().__init__()
        rotary = Rotary(config)
        self.embed_in = nn.Embedding(config.vocabulary_size, config.width)
        self.layers = nn.ModuleList(Block(config, rotary) for _ in range(config.layers))
        self.final_layer_norm = nn.LayerNorm(config.width, eps=config.layer_norm_epsilon)

    def forward(self, ids: Tensor, causal: bool = True, twice_differentiable: bool = False) -> Tensor:
        x = self.embed_in(ids)
        for layer in self.layers:
            x = layer(x, causal, twice_differentiable)
        return self.final_layer_norm(x)


class LanguageModel(nn.Module):
    """ids [n, T] → logits [n, T, V]"""

    def __init__(self, config: Config):
        super().__init__()
        self.gpt_neox = Backbone(config)
        self.embed_out = nn.Linear(config.width, config.vocabulary_size, bias=False)

    def forward(self, ids: Tensor, causal: bool = True, twice_differentiable: bool = False) -> Tensor:
        return self.embed_out(self.gpt_neox(ids, causal, twice_differentiable))


class ScoreModel(nn.Module):
    """ids [n, T] → logits before the sigmoid, [n]: the backbone without a causal mask, the mean over positions, one linear map."""

    def __init__(self, config: Config):
        super().__init__()
        self.gpt_neox = Backbone(config)
        self.head = nn.Linear(config.width, 1)

    def forward(self, ids: Tensor) -> Tensor:
        return self.head(self.gpt_neox(ids, causal=False).mean(dim=1)).squeeze(-1)


def load(module: nn.Module, tensors: dict[str, Tensor]) -> nn.Module:
    """Copies every weight; a missing or unknown name is an error."""
    module.load_state_dict(tensors, strict=True)
    return module
