"""Gradient boosting on scikit-learn's handwritten digits: one point of the search space that study.yaml spans.

It reports the loss on held-out digits after every few trees, so that the study can stop a trial that will not be among the best.

    python3 gradient_boosting.py --learning_rate=0.1 --leaves=15
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # trials run side by side; each uses one core

from sklearn.datasets import load_digits
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split

try:
    import hypertune
except ImportError:
    from troupe import hypertune

TREES_A_STEP = 5


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--learning_rate", type=float, default=0.1)
    parser.add_argument("--leaves", type=int, default=15, help="leaves of a tree")
    parser.add_argument("--regularization", type=float, default=0.0, help="L2")
    parser.add_argument("--trees", type=int, default=30)
    parser.add_argument("--stopper", choices=["none", "patience"], default="none")
    parser.add_argument("--patience", type=int, default=2, help="steps without progress before it ends by itself")
    return parser.parse_args()


def main():
    arguments = parse_arguments()
    digits = load_digits()
    train_x, test_x, train_y, test_y = train_test_split(
        digits.data, digits.target, test_size=0.5, random_state=1, stratify=digits.target
    )
    model = HistGradientBoostingClassifier(
        learning_rate=arguments.learning_rate,
        max_leaf_nodes=arguments.leaves,
        l2_regularization=arguments.regularization,
        early_stopping=False,
        warm_start=True,
        random_state=1,
    )
    report = hypertune.HyperTune().report_hyperparameter_tuning_metric
    best, waited = float("inf"), 0
    for trees in range(TREES_A_STEP, arguments.trees + 1, TREES_A_STEP):
        model.set_params(max_iter=trees).fit(train_x, train_y)
        shares = model.predict_proba(test_x)
        loss, accuracy = log_loss(test_y, shares), accuracy_score(test_y, shares.argmax(axis=1))
        report("loss", loss, global_step=trees)
        print(f"{trees} trees: loss {loss:.4f}, accuracy {accuracy:.4f}", flush=True)
        waited = 0 if loss < best else waited + 1
        best = min(best, loss)
        if arguments.stopper == "patience" and waited >= arguments.patience:
            break


if __name__ == "__main__":
    main()
