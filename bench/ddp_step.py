"""How long a step of DistributedDataParallel takes, by backend, side by side in one run.

One process per rank, configured by its environment like any script for torch.distributed, so that each can be started on its
own host or in its own network namespace:

    RANK=0 WORLD_SIZE=4 MASTER_ADDR=10.0.0.1 MASTER_PORT=29500 \\
    TROUPE_REDUCERS=10.0.0.5:7000,... TROUPE_JOB=bench TROUPE_TOKEN=... TROUPE_LIB=.../libtroupe.so PYTHONPATH=python \\
    GLOO_SOCKET_IFNAME=eth0 python3 bench/ddp_step.py --backends troupe,gloo

The model is a stack of linear layers with a small batch: 25 million parameters, for which computing takes little time
compared with moving the gradients. The backends alternate, some steps at a time, so that they run under the same conditions. `none` is
the same step without communication; `hook` is gloo with troupe.torch's hook; `troupe-bfloat16` and `troupe-float16`
send half the bytes. Rank 0 prints one line of JSON per backend. A step lasts as long as on its slowest rank.
"""

import argparse
import datetime
import json
import os
import platform
import statistics
import sys
import time

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

TIMEOUT = datetime.timedelta(seconds=300)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backends", default="none,troupe,gloo", help="in which order they take turns")
    parser.add_argument("--width", type=int, default=1024, help="of each layer: width^2 + width parameters")
    parser.add_argument("--layers", type=int, default=24)
    parser.add_argument("--batch", type=int, default=1, help="rows per rank and step")
    parser.add_argument("--bucket-mb", type=float, default=25, help="DDP's bucket_cap_mb")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each backend")
    parser.add_argument("--steps", type=int, default=4, help="steps of a turn, after one that is not counted")
    parser.add_argument("--threads", type=int, default=1, help="of torch in each rank")
    return parser.parse_args()


def make_model(options):
    torch.manual_seed(0)
    layers = [torch.nn.Linear(options.width, options.width) for _ in range(options.layers)]
    return torch.nn.Sequential(*layers)


class Contestant:
    """One backend's copy of the model, and the times of its steps."""

    def __init__(self, name, options, groups):
        self.name = name
        self.options = options
        model = make_model(options)
        self.parameters = list(model.parameters())
        if name != "none":
            model = DistributedDataParallel(
                model,
                process_group=groups["gloo" if name == "hook" else name],
                bucket_cap_mb=options.bucket_mb,
                gradient_as_bucket_view=True,
            )
        if name == "hook":
            import troupe.torch

            troupe.torch.register(model)
        self.model = model
        self.generator = torch.Generator().manual_seed(1 + dist.get_rank())
        self.seconds, self.cpu_seconds = [], []

    def step(self):
        features = torch.randn(self.options.batch, self.options.width, generator=self.generator)
        start, cpu = time.perf_counter(), time.process_time()
        self.model(features).square().mean().backward()
        with torch.no_grad():
            for parameter in self.parameters:
                parameter.add_(parameter.grad, alpha=-0.1)
                parameter.grad.zero_()
        return time.perf_counter() - start, time.process_time() - cpu

    def turn(self):
        for number in range(1 + self.options.steps):
            seconds, cpu = self.step()
            if number > 0:
                self.seconds.append(seconds)
                self.cpu_seconds.append(cpu)


def over_ranks(numbers, op, group):
    tensor = torch.tensor(numbers, dtype=torch.float64)
    dist.all_reduce(tensor, op, group=group)
    return tensor.tolist()


def equal_on_all_ranks(contestant, group):
    weights = torch.cat([parameter.detach().flatten() for parameter in contestant.parameters])
    # The smallest and the largest bit pattern of each weight over the ranks.
    least, largest = weights.view(torch.int32).clone(), weights.view(torch.int32).clone()
    dist.all_reduce(least, dist.ReduceOp.MIN, group=group)
    dist.all_reduce(largest, dist.ReduceOp.MAX, group=group)
    return torch.equal(least, largest)


def groups_for(names):
    """The first group made is the default one; with `troupe` that is the whole job's communicator."""
    groups = {}
    if any(name.startswith("troupe") for name in names):
        import troupe.torch

        dist.init_process_group("troupe", timeout=TIMEOUT)
        groups["troupe"] = dist.distributed_c10d._get_default_group()
        for wire in ("float16", "bfloat16"):
            if f"troupe-{wire}" in names:
                wired = troupe.torch.Options(wire=wire)
                groups[f"troupe-{wire}"] = dist.new_group(pg_options=wired, timeout=TIMEOUT)
        groups["gloo"] = dist.new_group(backend="gloo", timeout=TIMEOUT)
    else:
        dist.init_process_group("gloo", timeout=TIMEOUT)
        groups["gloo"] = dist.distributed_c10d._get_default_group()
    return groups


def report(contestant, options, group):
    slowest = over_ranks(contestant.seconds, dist.ReduceOp.MAX, group)
    cpu = over_ranks(contestant.cpu_seconds, dist.ReduceOp.SUM, group)
    same = contestant.name == "none" or equal_on_all_ranks(contestant, group)
    parameters = sum(parameter.numel() for parameter in contestant.parameters)
    deciles = statistics.quantiles(slowest, n=10)
    return {
        "bench": "ddp_step",
        "backend": contestant.name,
        "world_size": dist.get_world_size(),
        "reducers": len([text for text in os.environ.get("TROUPE_REDUCERS", "").split(",") if text]),
        "parameters": parameters,
        "gradient_bytes": 4 * parameters,
        "batch": options.batch,
        "bucket_mb": options.bucket_mb,
        "steps": len(slowest),
        "step_ms_median": round(1e3 * statistics.median(slowest), 3),
        "step_ms_p10": round(1e3 * deciles[0], 3),
        "step_ms_p90": round(1e3 * deciles[-1], 3),
        "cpu_ms_per_rank_and_step": round(1e3 * statistics.median(cpu) / dist.get_world_size(), 3),
        "weights_equal_on_all_ranks": same,
        "torch": torch.__version__,
        "kernel": platform.release(),
    }


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    names = options.backends.split(",")
    known = ("none", "troupe", "troupe-float16", "troupe-bfloat16", "gloo", "hook")
    for name in names:
        if name not in known:
            sys.exit(f"ddp_step: no backend {name!r}; expected some of {', '.join(known)}")
    groups = groups_for(names)
    contestants = [Contestant(name, options, groups) for name in names]
    for _ in range(options.rounds):
        for contestant in contestants:
            # All ranks begin together, so that one backend's unfinished work does not count for the next.
            dist.barrier(group=groups["gloo"])
            contestant.turn()
    ok = True
    for contestant in contestants:
        result = report(contestant, options, groups["gloo"])
        ok = ok and result["weights_equal_on_all_ranks"]
        if dist.get_rank() == 0:
            print(json.dumps(result), flush=True)
    # A last barrier: no rank leaves while another still communicates with it.
    dist.barrier(group=groups["gloo"])
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
