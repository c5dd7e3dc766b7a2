"""Muon for the matrices of the layers, AdamW for the rest.

Muon (Jordan 2024): momentum, then the nearest orthogonal matrix by Newton-Schulz steps; scaled by
0.2 sqrt(max dimension) as in Moonshot's report (Liu et al. 2025) so that AdamW's rates fit.
"""

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
MATRIX_DECAY = 0.05


def orthogonalise(matrices: Tensor, steps: int = 4) -> Tensor:
    """Return the nearly orthogonal part of each matrix of (n, rows, columns)."""
    x = matrices / (matrices.norm(dim=(-2, -1), keepdim=True) * 1.02 + 1e-7)
    tall = x.shape[-2] > x.shape[-1]
    x = x.transpose(-1, -2) if tall else x
    for _ in range(steps):
        gram = x @ x.transpose(-1, -2)
        x = 3.4445 * x + (-4.7750 * gram + 2.0315 * (gram @ gram)) @ x
    return x.transpose(-1, -2) if tall else x


class Optimiser:
    """One step for both kinds of parameters."""

    def __init__(self, model: nn.Module) -> None:
        named = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
        self._groups: dict[torch.Size, list[nn.Parameter]] = {}
        rest = []
        for name, parameter in named:
            if parameter.ndim == 2 and "layers" in name:
                self._groups.setdefault(parameter.shape, []).append(parameter)
            else:
                rest.append(parameter)
        self._momentum = {
            shape: torch.zeros(len(group), *shape, device=group[0].device) for shape, group in self._groups.items()
        }
        self._adam = torch.optim.AdamW(rest, betas=(0.9, 0.98), weight_decay=0.01)

    @torch.no_grad()
    def step(self, matrix_rate: float, other_rate: float) -> None:
        """Move every parameter along its gradient."""
        for options in self._adam.param_groups:
            options["lr"] = other_rate
        self._adam.step()
        for shape, group in self._groups.items():
            gradient = torch.stack([p.grad for p in group if p.grad is not None])
            momentum = self._momentum[shape].lerp_(gradient, 1 - MOMENTUM)
            ahead = gradient.lerp(momentum, MOMENTUM)
            update = orthogonalise(ahead.bfloat16()).float()
            for parameter, direction in zip(group, update, strict=True):
                parameter.mul_(1 - matrix_rate * MATRIX_DECAY)
                parameter.add_(direction, alpha=-matrix_rate * 0.2 * max(shape) ** 0.5)

    def state_dict(self) -> dict[str, object]:
        """Return what `load_state_dict` takes."""
        return {"adam": self._adam.state_dict(), "momentum": self._momentum}

    def load_state_dict(self, state: dict[str, object]) -> None:
        """Go on from a saved state."""
        self._adam.load_state_dict(state["adam"])  # type: ignore[arg-type]
        self._momentum = state["momentum"]  # type: ignore[assignment]
