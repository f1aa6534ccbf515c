"""One inner and one outer step of the bilevel phase as the authors' release takes them.

The Hessian by double backward, and 2n gradients of single samples for the hypergradient. `compile` compiles every first-order part;
PyTorch's compiler has no second derivatives.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor

from adamw import adamw
from gpt_neox import Config, LanguageModel, ScoreModel, load
from losses import NO_TARGET, mean_loss, next_tokens

Gradients = tuple[Tensor, ...]


class OuterStep:
    def __init__(self, folder: Path, spec: dict):
        config = Config.of(spec)
        settings = spec["bilevel"]
        self.solver = settings["solver"]
        self.kl_weight = settings["klWeight"]
        self.l2_weight = settings["l2Weight"]
        self.causal = settings["causalProxy"]
        self.proxy_clip = settings["proxy"]["gradientClip"]
        self.score_clip = settings["score"]["hypergradientClip"]

        self.proxy = load(LanguageModel(config), load_file(folder / "proxy.safetensors"))
        self.target = load(LanguageModel(config), load_file(folder / "target.safetensors")).requires_grad_(False)
        self.score = load(ScoreModel(config), load_file(folder / "score.safetensors"))
        self.proxy_params = list(self.proxy.parameters())
        self.score_params = list(self.score.parameters())
        self.proxy_optimizer = adamw(self.proxy_params, spec["learningRate"], settings["proxy"]["adam"])
        self.score_optimizer = adamw(self.score_params, spec["learningRate"], settings["score"]["adam"])

        self.batches = load_file(folder / "batches.safetensors")["ids"].long()
        validation = load_file(folder / "validation.safetensors")
        self.validation_ids = validation["ids"].long()
        self.validation_targets = next_tokens(self.validation_ids)
        # position t predicts token t+1: what is no target there is left out
        self.validation_targets[:, :-1][validation["mask"][:, 1:] == 0] = NO_TARGET
        self.taken = 0
        self.normaliser: tuple[Tensor, Tensor] | None = None

        compiled = torch.compile if spec["compile"] else lambda function: function
        self.scores = compiled(lambda ids: torch.sigmoid(self.score(ids)))
        self.target_log_probabilities = compiled(lambda ids: F.log_softmax(self.target(ids), dim=-1))
        self.lower = compiled(self.lower_loss)
        self.upper = compiled(lambda: mean_loss(self.proxy(self.validation_ids, self.causal), self.validation_targets))
        self.single_loss = compiled(lambda ids: mean_loss(self.proxy(ids, self.causal), next_tokens(ids)))
        self.single_score = compiled(lambda ids: torch.sigmoid(self.score(ids)).squeeze(0))

    def lower_loss(self, ids: Tensor, weights: Tensor, target: Tensor, twice_differentiable: bool = False) -> tuple[Tensor, Tensor]:
        """G = Σ P_i L_i + γ KL + λ ‖θ_p‖², and KL. @param target its log-probabilities, [n, T, V]"""
        n, length = ids.shape
        logits = self.proxy(ids, self.causal, twice_differentiable)
        losses = F.cross_entropy(logits.flatten(0, 1), next_tokens(ids).flatten(), ignore_index=NO_TARGET, reduction="none")
        weighted = (weights * losses.view(n, length).sum(dim=1)).sum() / (length - 1)
        kl = F.kl_div(F.log_softmax(logits, dim=-1), target, log_target=True, reduction="sum") / (n * length)
        squares = torch.stack([p.square().sum() for p in self.proxy_params]).sum()
        return weighted + self.kl_weight * kl + self.l2_weight * squares, kl

    def weights_of(self, scores: Tensor) -> Tensor:
        """P_i of the lower loss: by the maximum and sum of the outer step before, in the first by the batch's own."""
        if self.normaliser is None:
            return scores.softmax(dim=0)
        maximum, total = self.normaliser
        return (scores - maximum).exp() / total

    def next_batch(self) -> Tensor:
        ids = self.batches[self.taken % len(self.batches)]
        self.taken += 1
        return ids

    def step(self) -> dict:
        inner = self.inner_step(self.next_batch())
        return {**inner, **self.outer_step(self.next_batch())}

    def inner_step(self, ids: Tensor) -> dict:
        with torch.no_grad():
            weights = self.weights_of(self.scores(ids))
            target = self.target_log_probabilities(ids)
        loss, kl = self.lower(ids, weights, target)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.proxy_params, self.proxy_clip)
        self.proxy_optimizer.step()
        self.proxy_optimizer.zero_grad(set_to_none=True)
        return {"lowerLoss": loss.item(), "kl": kl.item()}

    def outer_step(self, ids: Tensor) -> dict:
        upper = self.upper()
        gradient = torch.autograd.grad(upper, self.proxy_params)
        with torch.no_grad():
            scores = self.scores(ids)
            target = self.target_log_probabilities(ids)
        z = self.solve(ids, self.weights_of(scores), target, gradient)
        alignment, hypergradient = self.hypergradient(ids, scores.softmax(dim=0), z)
        for param, value in zip(self.score_params, hypergradient):
            norm = value.norm()
            param.grad = value / norm if norm > self.score_clip else value
        self.score_optimizer.step()
        self.score_optimizer.zero_grad(set_to_none=True)
        self.normaliser = (scores.max(), (scores - scores.max()).exp().sum())
        return {
            "upperLoss": upper.item(),
            "zNorm": norm_of(z),
            "alignmentNorm": alignment.norm().item(),
            "hypergradientNorm": norm_of(hypergradient),
        }

    def solve(self, ids: Tensor, weights: Tensor, target: Tensor, gradient: Gradients) -> list[Tensor]:
        """Gradient descent on (H + δI) z = ∇F; the graph of ∇G is kept for all products."""
        z = [torch.full_like(p, self.start_of(p)) for p in self.proxy_params]
        loss, _ = self.lower_loss(ids, weights, target, twice_differentiable=True)
        lower_gradient = torch.autograd.grad(loss, self.proxy_params, create_graph=True)
        last = self.solver["steps"] - 1
        for i in range(last + 1):
            product = torch.autograd.grad(lower_gradient, self.proxy_params, grad_outputs=z, retain_graph=i < last)
            for j, (hz, v) in enumerate(zip(product, gradient)):
                residual = hz - v + self.solver["damping"] * z[j]
                norm = residual.norm()
                if norm > self.solver["residualClip"]:
                    residual = residual / norm
                z[j] = z[j] - self.solver["learningRate"] * residual
        return z

    def start_of(self, param: Tensor) -> float:
        """1/numel, which the release rounds to half precision in its first outer step"""
        value = 1 / param.numel()
        return torch.tensor(value).half().item() if self.normaliser is None else value

    def hypergradient(self, ids: Tensor, weights: Tensor, z: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """a_i = ⟨∇L_i, z⟩ and −Σ P_i (a_i − ā) ∇s_i, sample by sample: 2n gradients."""
        alignment = []
        aligned_sum = [torch.zeros_like(p) for p in self.score_params]  # Σ P_i a_i ∇s_i
        plain_sum = [torch.zeros_like(p) for p in self.score_params]  # Σ P_i ∇s_i
        for i in range(len(ids)):
            sample = ids[i : i + 1]
            gradient = torch.autograd.grad(self.single_loss(sample), self.proxy_params)
            aligned = torch.stack([torch.dot(g.flatten(), direction.flatten()) for g, direction in zip(gradient, z)]).sum()
            score_gradient = torch.autograd.grad(self.single_score(sample), self.score_params)
            torch._foreach_add_(aligned_sum, score_gradient, alpha=(weights[i] * aligned).item())
            torch._foreach_add_(plain_sum, score_gradient, alpha=weights[i].item())
            alignment.append(aligned)
        a = torch.stack(alignment)
        mean = (weights * a).sum()
        return a, [mean * plain - aligned for aligned, plain in zip(aligned_sum, plain_sum)]


def norm_of(tensors: list[Tensor]) -> float:
    return torch.stack([t.norm() for t in tensors]).norm().item()
