"""Trains a small network on scikit-learn's handwritten digits, on any number of ranks.

Gradients go through Troupe's reducers if the job has some (TROUPE_REDUCERS is set), else through gloo. Each epoch,
rank 0 reports the accuracy on digits that were held back; in the end it saves the model to AIP_MODEL_DIR as model.pt.

    /usr/bin/python3 train.py --lr=0.1 --hidden=64 --epochs=20
"""

import argparse
import os
import pathlib
import time
import urllib.parse

import torch
import torch.distributed
import torch.nn.functional
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.data.distributed import DistributedSampler

try:
    import hypertune
except ImportError:
    from troupe import hypertune


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate of SGD")
    parser.add_argument("--momentum", type=float, default=0.8)
    parser.add_argument("--hidden", type=int, default=64, help="width of the hidden layer")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--batch-size", "--batch_size", type=int, default=16, help="digits per rank and step")
    parser.add_argument("--weight-decay", "--weight_decay", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def load_data(seed):
    digits = load_digits()
    features = torch.tensor(digits.data, dtype=torch.float32) / 8 - 1  # pixels are 0 to 16
    labels = torch.tensor(digits.target, dtype=torch.int64)
    # Every rank splits the data in the same way, so no rank trains on another rank's test data.
    train, test = train_test_split(range(len(labels)), test_size=0.25, random_state=seed, stratify=digits.target)
    return TensorDataset(features[train], labels[train]), (features[test], labels[test])


def make_model(hidden):
    return torch.nn.Sequential(torch.nn.Linear(64, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 10))


def connect(model, world_size):
    """The model to train, and a line that says how its gradients travel."""
    if world_size == 1 and not os.environ.get("TROUPE_REDUCERS"):
        return model, "1 rank, nothing to exchange"
    parallel = DistributedDataParallel(model)
    if not os.environ.get("TROUPE_REDUCERS"):
        return parallel, f"{world_size} ranks (gloo; the job has no reducers)"
    import troupe.torch

    troupe.torch.register(parallel)
    return parallel, troupe.torch.describe()


def accuracy_of(model, test):
    features, labels = test
    with torch.no_grad():
        return (model(features).argmax(dim=1) == labels).float().mean().item()


def model_path():
    directory = os.environ.get("AIP_MODEL_DIR", "")
    if not directory:
        return None
    if directory.startswith("file://"):
        directory = urllib.parse.unquote(urllib.parse.urlparse(directory).path)
    elif "://" in directory:
        raise SystemExit(f"AIP_MODEL_DIR is {directory}; expected a path or file://, such as file:///data/models/1")
    return pathlib.Path(directory) / "model.pt"


def train(arguments, rank, world_size):
    torch.manual_seed(arguments.seed)
    data, test = load_data(arguments.seed)
    core = make_model(arguments.hidden)
    model, description = connect(core, world_size)
    if rank == 0:
        print(f"gradients: {description}", flush=True)
    sampler = DistributedSampler(data, world_size, rank, shuffle=True, seed=arguments.seed)
    loader = DataLoader(data, batch_size=arguments.batch_size, sampler=sampler)
    optimizer = torch.optim.SGD(
        model.parameters(), lr=arguments.lr, momentum=arguments.momentum, weight_decay=arguments.weight_decay
    )
    reporter = hypertune.HyperTune() if rank == 0 else None
    for epoch in range(1, arguments.epochs + 1):
        start = time.monotonic()
        sampler.set_epoch(epoch)
        losses = []
        for features, labels in loader:
            optimizer.zero_grad()
            loss = torch.nn.functional.cross_entropy(model(features), labels)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        if rank == 0:
            accuracy = accuracy_of(core, test)
            mean = torch.stack(losses).mean().item()  # over this rank's share of the epoch
            took = time.monotonic() - start
            print(
                f"epoch {epoch}/{arguments.epochs} loss {mean:.4f} accuracy {accuracy:.4f} {took:.2f} s",
                flush=True,
            )
            reporter.report_hyperparameter_tuning_metric("accuracy", accuracy, global_step=epoch)
    return core


def main():
    arguments = parse_arguments()
    torch.set_num_threads(1)
    rank = int(os.environ.get("RANK", "0"))
    world_size = int(os.environ.get("WORLD_SIZE", "1"))
    if world_size > 1 or os.environ.get("TROUPE_REDUCERS"):
        # Gloo carries the rendezvous and the first broadcast of the weights.
        torch.distributed.init_process_group("gloo", rank=rank, world_size=world_size)
    model = train(arguments, rank, world_size)
    path = model_path()
    if rank == 0 and path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save({"hidden": arguments.hidden, "weights": model.state_dict()}, path)
        print(f"model saved to {path}", flush=True)
    if torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


if __name__ == "__main__":
    main()
