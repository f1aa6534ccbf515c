"""A process that computes steps when told to: one JSON request a line on standard input, one JSON answer a line on descriptor 3.

    {"ask": "prepare", "subject": NAME, "folder": DIR, "spec": {…}, "threads": N, "checked": K}
        → {"steps": what the first K steps gave, "seconds": time until they were done}
    {"ask": "repeat", "untimed": U, "steps": S} → {"milliseconds": of one step, mean over S after U that are not timed}
"""

import importlib
import json
import os
import sys
import time
from pathlib import Path

import torch

SUBJECTS = {
    "training-step": ("training_step", "TrainingStep"),
    "outer-step": ("outer_step", "OuterStep"),
    "scoring": ("scoring", "Scoring"),
    "product": ("product", "Product"),
}


def prepare(request: dict) -> tuple[object, dict]:
    started = time.perf_counter()
    torch.set_num_threads(request["threads"])
    module, name = SUBJECTS[request["subject"]]
    subject = getattr(importlib.import_module(module), name)(Path(request["folder"]), request["spec"])
    steps = [subject.step() for _ in range(request["checked"])]
    return subject, {"steps": steps, "seconds": time.perf_counter() - started, "version": torch.__version__}


def repeat(subject, untimed: int, steps: int) -> dict:
    for _ in range(untimed):
        subject.step()
    started = time.perf_counter()
    for _ in range(steps):
        subject.step()
    return {"milliseconds": (time.perf_counter() - started) * 1e3 / steps}


def main() -> None:
    answers = os.fdopen(3, "w", buffering=1)
    subject = None
    for line in sys.stdin:
        request = json.loads(line)
        match request["ask"]:
            case "prepare":
                subject, answer = prepare(request)
            case "repeat":
                answer = repeat(subject, request["untimed"], request["steps"])
            case unknown:
                raise ValueError(f"no request {unknown}")
        answers.write(json.dumps(answer) + "\n")


main()
