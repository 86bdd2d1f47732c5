"""DDP gradients through two real reducers equal the average that one process computes.

Run by meson with TROUPE_LIB and REDUCTION_PEER set. Starts the reducers and one process per rank (this file again).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

import torch
import torch.distributed

RANKS, REDUCERS = 2, 2
STEPS = 3


def make_model():
    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Linear(300, 700), torch.nn.Tanh(), torch.nn.Linear(700, 5))


def batch_of(rank, step):
    generator = torch.Generator().manual_seed(100 * step + rank)
    return torch.randn(16, 300, generator=generator), torch.randn(16, 5, generator=generator)


def gradients_of(model, rank, step):
    model.zero_grad()
    features, target = batch_of(rank, step)
    torch.nn.functional.mse_loss(model(features), target).backward()
    return [parameter.grad.clone() for parameter in model.parameters()]


def expected_gradients(step):
    per_rank = [gradients_of(make_model(), rank, step) for rank in range(RANKS)]
    return [torch.stack(grads).sum(dim=0) / RANKS for grads in zip(*per_rank)]


def check_all_reduce(rank):
    import troupe.torch

    values = torch.arange(10, dtype=torch.float64).reshape(2, 5).t() + rank  # not contiguous
    troupe.torch.all_reduce(values, "max")
    assert torch.equal(values, torch.arange(10, dtype=torch.float64).reshape(2, 5).t() + RANKS - 1)
    halves = torch.full((1000,), 1.5 + rank, dtype=torch.bfloat16)
    assert troupe.torch.all_reduce(halves) is halves and torch.all(halves == 4.0)
    for spoilt in (torch.zeros(1, dtype=torch.int16), torch.zeros(1, device="meta")):
        try:
            troupe.torch.all_reduce(spoilt)
        except troupe.torch.TroupeError:
            continue
        raise AssertionError(f"{spoilt} was reduced")


def run_rank():
    import troupe.torch

    torch.set_num_threads(1)
    rank = int(os.environ["RANK"])
    store = torch.distributed.FileStore(os.environ["STORE"], RANKS)
    torch.distributed.init_process_group("gloo", store=store, rank=rank, world_size=RANKS)
    model = torch.nn.parallel.DistributedDataParallel(make_model(), bucket_cap_mb=0.5)
    troupe.torch.register(model)
    assert troupe.torch.describe() == "2 ranks -> 2 reducers (troupe)"
    for step in range(STEPS):
        for got, expected in zip(gradients_of(model, rank, step), expected_gradients(step)):
            # Two ranks: the sum has one order, so it is equal to the bit.
            assert torch.equal(got, expected), (got - expected).abs().max()
    check_all_reduce(rank)
    if os.environ["SCENE"] == "death" and rank == 1:
        os._exit(7)  # dies without a goodbye
    if os.environ["SCENE"] == "death":
        try:
            gradients_of(model, rank, 0)
        except Exception as problem:  # torch wraps what a hook's future raises
            print(json.dumps({"heard": str(problem)}))
            sys.stdout.flush()
            os._exit(0)  # gloo's own peer is gone as well
        raise AssertionError("a step without the other rank succeeded")


def run_scene(scene, directory):
    common = dict(os.environ, TROUPE_JOB="job-1", TROUPE_TOKEN="secret", TROUPE_ATTEMPT="0", SCENE=scene)
    peer = os.environ["REDUCTION_PEER"]
    reducer_env = dict(common, TROUPE_LISTEN="127.0.0.1:0", TROUPE_WORLD_SIZE=str(RANKS))
    processes = []
    try:
        reducers = [
            subprocess.Popen([peer, "reducer"], env=reducer_env, stdout=subprocess.PIPE, text=True)
            for _ in range(REDUCERS)
        ]
        processes += reducers
        ports = [reducer.stdout.readline().split()[1] for reducer in reducers]
        store = str(pathlib.Path(directory) / f"store-{scene}")
        rank_env = dict(
            common, TROUPE_REDUCERS=",".join(f"127.0.0.1:{port}" for port in ports), WORLD_SIZE=str(RANKS), STORE=store
        )
        ranks = [
            subprocess.Popen(
                [sys.executable, __file__], env=dict(rank_env, RANK=str(rank)), stdout=subprocess.PIPE, text=True
            )
            for rank in range(RANKS)
        ]
        processes += ranks
        outputs = [rank.communicate(timeout=60)[0] for rank in ranks]
        return outputs, [rank.returncode for rank in ranks], [reducer.wait(timeout=60) for reducer in reducers]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def check_hypertune(directory):
    path = pathlib.Path(directory) / "deep" / "metrics"
    os.environ.update(CLOUD_ML_HP_METRIC_FILE=str(path), CLOUD_ML_TRIAL_ID="3")
    from troupe import hypertune

    reporter = hypertune.HyperTune()
    for step in range(120):
        reporter.report_hyperparameter_tuning_metric("accuracy", step / 200, global_step=step)
    lines = path.read_text().splitlines()
    assert len(lines) == 100
    last = json.loads(lines[-1])
    assert list(last) == ["accuracy", "checkpoint_path", "global_step", "timestamp", "trial"]
    assert (last["accuracy"], last["global_step"], last["trial"]) == ("0.595", "119", "3")


def check_without_reducers():
    import troupe.torch

    try:
        troupe.torch.init()
    except troupe.torch.TroupeError as problem:
        assert "TROUPE_REDUCERS is not set" in str(problem)
    else:
        raise AssertionError("init without reducers succeeded")


def main():
    with tempfile.TemporaryDirectory() as directory:
        _, ranks, reducers = run_scene("good", directory)
        assert ranks == [0, 0] and reducers == [0, 0], (ranks, reducers)
        outputs, ranks, reducers = run_scene("death", directory)
        assert ranks == [0, 7] and reducers == [1, 1], (ranks, reducers)
        assert "rank 1" in json.loads(outputs[0])["heard"], outputs
        check_hypertune(directory)
        check_without_reducers()


if __name__ == "__main__":
    run_rank() if "RANK" in os.environ else main()
