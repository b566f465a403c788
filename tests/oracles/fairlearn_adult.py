"""Writes kernels/tests/fixtures/fairlearn_adult.json: decisions of a logistic regression on UCI
Adult's test split (all columns but fnlwgt, protected ones too: an unmitigated model) and the
fairness figures Fairlearn computes from them.

    python -m venv venv && venv/bin/pip install fairlearn==0.15.0 scikit-learn pandas
    venv/bin/python tests/oracles/fairlearn_adult.py
"""

import gzip
import io
import json
import pathlib

import fairlearn
import pandas as pd
import sklearn
from fairlearn.metrics import (
    MetricFrame,
    count,
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
    equalized_odds_difference,
    false_negative_rate,
    false_positive_rate,
    selection_rate,
    true_positive_rate,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, precision_score
from sklearn.preprocessing import StandardScaler

ROOT = pathlib.Path(__file__).resolve().parents[2]
COLUMNS = (
    "age workclass fnlwgt education education-num marital-status occupation relationship race "
    "sex capital-gain capital-loss hours-per-week native-country income"
).split()


def read(name):
    text = gzip.open(ROOT / "server/data/adult" / name, "rt").read()
    rows = [line for line in text.splitlines() if line and not line.startswith("|")]
    frame = pd.read_csv(io.StringIO("\n".join(rows)), names=COLUMNS, skipinitialspace=True)
    return frame, frame["income"].str.rstrip(".") == ">50K"


def figures(labels, decisions, sensitive):
    by = {
        "n": count,
        "selection_rate": selection_rate,
        "tpr": true_positive_rate,
        "fpr": false_positive_rate,
        "fnr": false_negative_rate,
        "ppv": precision_score,
        "accuracy": accuracy_score,
    }
    frame = MetricFrame(
        metrics=by, y_true=labels, y_pred=decisions, sensitive_features=sensitive
    ).by_group
    together = {
        "parity_difference": demographic_parity_difference,
        "parity_ratio": demographic_parity_ratio,
        "equal_opportunity_difference": equal_opportunity_difference,
        "equalized_odds_difference": equalized_odds_difference,
    }
    values = {
        name: float(f(labels, decisions, sensitive_features=sensitive))
        for name, f in together.items()
    }
    values["groups"] = {
        group: {metric: float(row[metric]) for metric in by} for group, row in frame.iterrows()
    }
    return values


def main():
    (train, train_labels), (test, labels) = read("adult.data.gz"), read("adult.test.gz")
    both = pd.concat([train, test]).drop(columns=["fnlwgt", "income"])
    inputs = pd.get_dummies(both).astype(float)
    scaler = StandardScaler().fit(inputs[: len(train)])
    model = LogisticRegression(max_iter=1000)
    model.fit(scaler.transform(inputs[: len(train)]), train_labels)
    decisions = model.predict(scaler.transform(inputs[len(train) :]))
    fixture = {
        "source": f"fairlearn {fairlearn.__version__}, scikit-learn {sklearn.__version__}",
        "decisions": "".join("1" if decided else "0" for decided in decisions),
        "accuracy": float(accuracy_score(labels, decisions)),
        "attributes": {
            name: figures(labels, decisions, test[name]) for name in ("sex", "race")
        },
    }
    path = ROOT / "kernels/tests/fixtures/fairlearn_adult.json"
    path.write_text(json.dumps(fixture, indent=1) + "\n")
    for name, values in fixture["attributes"].items():
        print(name, {key: value for key, value in values.items() if key != "groups"})


main()
