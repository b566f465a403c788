"""Writes kernels/tests/fixtures/dp_accounting.json: ε of Poisson-subsampled Gaussian steps by the
RDP and the PLD accountant of Google's dp-accounting.

    python -m venv venv && venv/bin/pip install dp-accounting==0.6.0
    venv/bin/python tests/oracles/dp_accounting.py

The script leaves its own folder out of the module path, since its name resembles the package's.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path = [entry for entry in sys.path if pathlib.Path(entry or ".").resolve().name != "oracles"]

import dp_accounting  # noqa: E402
from dp_accounting import pld, rdp  # noqa: E402

# (noise multiplier, expected batch, rows, steps, delta)
CASES = [
    (1.1, 256, 60000, 14040, 1e-5),
    (1.3, 256, 60000, 3510, 1e-5),
    (1.0, 256, 32561, 2540, 1e-5),
    (1.1, 512, 32561, 128, 1e-5),
    (0.7, 512, 32561, 640, 1e-5),
    (2.0, 1024, 32561, 1000, 1e-6),
    (4.0, 4096, 32561, 300, 1e-5),
    (8.0, 1, 1, 50, 1e-5),
    (0.5, 64, 32561, 100, 1e-8),
]


def epsilon(accountant, sigma, q, steps, delta):
    gaussian = dp_accounting.GaussianDpEvent(sigma)
    step = gaussian if q == 1 else dp_accounting.PoissonSampledDpEvent(q, gaussian)
    accountant.compose(dp_accounting.SelfComposedDpEvent(step, steps))
    return float(accountant.get_epsilon(delta))


def main():
    rows = []
    for sigma, batch, size, steps, delta in CASES:
        arguments = (sigma, batch / size, steps, delta)
        rows.append(
            {
                "noise_multiplier": sigma,
                "batch": batch,
                "rows": size,
                "steps": steps,
                "delta": delta,
                "rdp_epsilon": epsilon(rdp.RdpAccountant(), *arguments),
                "pld_epsilon": epsilon(pld.PLDAccountant(), *arguments),
            }
        )
        print(rows[-1])
    path = ROOT / "kernels/tests/fixtures/dp_accounting.json"
    path.write_text(json.dumps(rows, indent=1) + "\n")


main()
