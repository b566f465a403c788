"""Writes plugins/quantum/tests/fixtures/qulacs.json: circuits with their
states, expectation values and gradients as Qulacs computes them.

    pip install qulacs==0.6.14 numpy
    python tests/oracles/qulacs_fixtures.py

Each circuit is drawn twice from one list: as OpenQASM 2 text, and as Qulacs
gates. Qulacs turns RX, RY and RZ the other way round (exp(+i theta P/2)), hence
the signs below. Qubit 0 is the least significant bit on both sides.
"""

import json
import math
import pathlib
import random

from qulacs import Observable, ParametricQuantumCircuit, QuantumState, gate

FIXED = {
    "x": gate.X, "y": gate.Y, "z": gate.Z, "h": gate.H, "s": gate.S, "sdg": gate.Sdag,
    "t": gate.T, "tdg": gate.Tdag, "sx": gate.sqrtX, "sxdg": gate.sqrtXdag,
}
ROTATION = {
    "rx": lambda q, a: gate.RX(q, -a), "ry": lambda q, a: gate.RY(q, -a),
    "rz": lambda q, a: gate.RZ(q, -a), "p": gate.U1, "u1": gate.U1,
}
TWO_FIXED = ["cx", "cy", "cz", "ch", "csx", "swap"]
TWO_ROTATION = ["crx", "cry", "crz", "cp", "cu1", "rzz", "rxx"]
PARAMETRIC = ["rx", "ry", "rz"]


def controlled(control, inner):
    matrix = gate.to_matrix_gate(inner)
    matrix.add_control_qubit(control, 1)
    return matrix


def pauli_rotation(a, b, letter, angle):
    return gate.PauliRotation([a, b], [letter, letter], -angle)


def add_random_gate(rng, qubits, circuit, lines, slots):
    kinds = ["fixed", "rotation", "u2", "u3", "parametric", "parametric", "two", "two", "two-rotation", "cu3"]
    kind = rng.choice(kinds + (["three"] if qubits > 2 else []))
    a, b, c = (rng.sample(range(qubits), min(qubits, 3)) + [0])[:3]
    angles = [rng.uniform(-math.pi, math.pi) for _ in range(3)]
    text = [f"{angle!r}" for angle in angles]
    if kind == "fixed":
        name = rng.choice(sorted(FIXED))
        lines.append(f"{name} q[{a}];")
        circuit.add_gate(FIXED[name](a))
    elif kind == "rotation":
        name = rng.choice(sorted(ROTATION))
        lines.append(f"{name}({text[0]}) q[{a}];")
        circuit.add_gate(ROTATION[name](a, angles[0]))
    elif kind == "u2":
        lines.append(f"u2({text[0]},{text[1]}) q[{a}];")
        circuit.add_gate(gate.U2(a, angles[0], angles[1]))
    elif kind == "u3":
        lines.append(f"u3({','.join(text)}) q[{a}];")
        circuit.add_gate(gate.U3(a, *angles))
    elif kind == "cu3":
        lines.append(f"cu3({','.join(text)}) q[{a}],q[{b}];")
        circuit.add_gate(controlled(a, gate.U3(b, *angles)))
    elif kind == "parametric":
        name = rng.choice(PARAMETRIC)
        index, factor = rng.randrange(len(slots["params"])), rng.choice([1.0, -1.0, 0.5, 2.0])
        lines.append(f"{name}({factor!r}*param[{index}]+{text[0]}) q[{a}];")
        value = factor * slots["params"][index] + angles[0]
        getattr(circuit, f"add_parametric_{name.upper()}_gate")(a, -value)
        slots["uses"].append((index, -factor))
    elif kind == "two":
        name = rng.choice(TWO_FIXED)
        lines.append(f"{name} q[{a}],q[{b}];")
        two = {"cx": gate.CNOT, "cz": gate.CZ, "swap": gate.SWAP}.get(name)
        circuit.add_gate(two(a, b) if two else controlled(a, FIXED[name[1:]](b)))
    elif kind == "two-rotation":
        name = rng.choice(TWO_ROTATION)
        lines.append(f"{name}({text[0]}) q[{a}],q[{b}];")
        if name in ("rzz", "rxx"):
            circuit.add_gate(pauli_rotation(a, b, 3 if name == "rzz" else 1, angles[0]))
        else:
            circuit.add_gate(controlled(a, ROTATION[name[1:]](b, angles[0])))
    else:
        name = rng.choice(["ccx", "cswap"])
        lines.append(f"{name} q[{a}],q[{b}],q[{c}];")
        circuit.add_gate({"ccx": gate.TOFFOLI, "cswap": gate.FREDKIN}[name](a, b, c))


def random_observable(rng, qubits):
    chosen = sorted(rng.sample(range(qubits), rng.randint(1, qubits)))
    return " ".join(f"{rng.choice('XYZ')}{qubit}" for qubit in chosen)


def qulacs_observable(qubits, text):
    observable = Observable(qubits)
    observable.add_operator(1.0, " ".join(f"{word[0]} {word[1:]}" for word in text.split()))
    return observable


def fixture(seed):
    rng = random.Random(seed)
    qubits = 2 + seed % 7
    slots = {"params": [rng.uniform(-3, 3) for _ in range(4)], "uses": []}
    circuit = ParametricQuantumCircuit(qubits)
    # The first line names every parameter, so that all four are the program's.
    lines = ["OPENQASM 2.0;", 'include "qelib1.inc";', f"qreg q[{qubits}];"]
    for index in range(4):
        lines.append(f"rx(param[{index}]) q[{index % qubits}];")
        circuit.add_parametric_RX_gate(index % qubits, -slots["params"][index])
        slots["uses"].append((index, -1.0))
    for _ in range(12 * qubits):
        add_random_gate(rng, qubits, circuit, lines, slots)
    state = QuantumState(qubits)
    circuit.update_quantum_state(state)
    observables = [random_observable(rng, qubits) for _ in range(3)]
    expectations, gradients = [], []
    for text in observables:
        observable = qulacs_observable(qubits, text)
        expectations.append(observable.get_expectation_value(state))
        row = [0.0] * 4
        for (index, factor), slope in zip(slots["uses"], circuit.backprop(observable), strict=True):
            row[index] += factor * slope
        gradients.append(row)
    vector = state.get_vector()
    return {
        "seed": seed,
        "qubits": qubits,
        "qasm": "\n".join(lines) + "\n",
        "params": slots["params"],
        "state": [part for value in vector for part in (value.real, value.imag)],
        "observables": observables,
        "expectations": expectations,
        "gradient": gradients,
    }


def main():
    root = pathlib.Path(__file__).resolve().parents[2]
    path = root / "plugins/quantum/tests/fixtures/qulacs.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    circuits = [fixture(seed) for seed in range(28)]
    body = ",\n".join(json.dumps(circuit) for circuit in circuits)
    path.write_text(f"[\n{body}\n]\n")


if __name__ == "__main__":
    main()
