"""How fast predictions are: one batch call on one core, and the first answer of a fresh process.

    python benchmarks/predict_speed.py [cases]

Prints CPU seconds, so that a busy machine does not count.
"""

import subprocess
import sys
import time

from planner.deployment import Case
from planner.serving.predict import predict_batch

DEVICES = ("nvidia-h100-sxm5-80gb", "nvidia-l4", "amd-mi300x", "apple-m2-ultra")
MODELS = ("llama-3.1-8b", "qwen3-32b", "mixtral-8x7b", "mamba-2.8b", "deepseek-r1")
WEIGHTS = ("BF16", "FP8", "Q4_K_M")
FIRST = (
    "import time; start = time.process_time();"
    "from planner.deployment import Case; from planner.serving.predict import predict;"
    "predict(Case(id='x', device='nvidia-l4', model='llama-3.1-8b', weights='FP8'));"
    "print(time.process_time() - start)"
)


def cases(count: int) -> list[Case]:
    """Every device, model and format with batches and lengths of all sizes."""
    return [
        Case(
            id=str(i),
            device=DEVICES[i % len(DEVICES)],
            model=MODELS[i // 4 % len(MODELS)],
            weights=WEIGHTS[i // 20 % len(WEIGHTS)],
            isl=64 * (1 + i % 97),
            osl=16 * (1 + i % 61),
            concurrency=1 + i % 113,
            tp=8 if MODELS[i // 4 % len(MODELS)] == "deepseek-r1" else 1,
        )
        for i in range(count)
    ]


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    batch = cases(count)
    predict_batch(batch[:100])
    start = time.process_time()
    predict_batch(batch)
    took_s = time.process_time() - start
    print(f"batch of {count}: {took_s:.2f} s CPU, {count / took_s:,.0f} predictions/s")
    first = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    print(f"first answer of a fresh process: {float(first.stdout):.2f} s CPU, interpreter start aside")


if __name__ == "__main__":
    main()
