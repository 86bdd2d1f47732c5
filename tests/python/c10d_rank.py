"""One rank of c10d.py: carries out all checks in the order of this file, and prints how each went.

Values are small whole numbers unless a check is about rounding, so sums are exact in every type and order.
"""

import datetime
import gc
import json
import os
import sys
import traceback
import warnings
import weakref

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import troupe.torch
from troupe import _world

RANK, SIZE = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
TIMEOUT = datetime.timedelta(seconds=60)
FLOATS = (torch.float32, torch.float64, torch.float16, torch.bfloat16)
INTS = (torch.int32, torch.int64, torch.int8, torch.uint8)

gloo = None  # a group of the reference backend with the same ranks


def store_at(name):
    return {"init_method": f"file://{os.environ['STORES']}/{name}", "rank": RANK, "world_size": SIZE}


def values(rank, dtype, shape=(5, 7)):
    generator = torch.Generator().manual_seed(1000 + rank)
    return torch.randint(0, 5, shape, generator=generator).to(dtype)


def all_values(dtype, shape=(5, 7)):
    return [values(rank, dtype, shape) for rank in range(SIZE)]


def equal(got, expected):
    assert got.dtype == expected.dtype and torch.equal(got, expected), f"got {got}, expected {expected}"


def refuses(call, *texts):
    try:
        call()
    except RuntimeError as problem:
        for text in texts:
            assert text in str(problem), f"{problem} does not say {text!r}"
    else:
        raise AssertionError(f"nothing was raised; expected {texts}")


def check_without_reducers_the_variable_is_named():
    reducers = os.environ.pop("TROUPE_REDUCERS")
    try:
        refuses(lambda: dist.init_process_group("troupe", **store_at("none")), "TROUPE_REDUCERS is not set")
    finally:
        os.environ["TROUPE_REDUCERS"] = reducers


def check_another_rank_than_torchs_is_refused():
    other = dict(store_at("other"), rank=(RANK + 1) % SIZE)
    refuses(lambda: dist.init_process_group("troupe", **other), f"RANK is {RANK} for Troupe")


def check_starts():
    global gloo
    dist.init_process_group("troupe", timeout=TIMEOUT, **store_at("first"))
    assert dist.get_backend() == "troupe" and (dist.get_rank(), dist.get_world_size()) == (RANK, SIZE)
    gloo = dist.new_group(backend="gloo", timeout=TIMEOUT)


def check_all_reduce_equals_gloos():
    operators = (dist.ReduceOp.SUM, dist.ReduceOp.PRODUCT, dist.ReduceOp.MIN, dist.ReduceOp.MAX)
    for dtype in (torch.float32, torch.float64, torch.float16, *INTS):
        for op in operators:
            got, expected = values(RANK, dtype), values(RANK, dtype)
            dist.all_reduce(got, op)
            dist.all_reduce(expected, op, group=gloo)
            equal(got, expected)


def check_all_reduce_of_what_gloo_cannot():
    whole = [value.float() for value in all_values(torch.bfloat16)]
    got = values(RANK, torch.bfloat16)
    dist.all_reduce(got)
    equal(got, sum(whole).to(torch.bfloat16))
    for dtype in FLOATS[:2]:
        got = values(RANK, dtype)
        dist.all_reduce(got, dist.ReduceOp.AVG)
        equal(got, sum(all_values(dtype)) / SIZE)
    for dtype in INTS:
        for op, fold in (
            (dist.ReduceOp.BAND, torch.bitwise_and),
            (dist.ReduceOp.BOR, torch.bitwise_or),
            (dist.ReduceOp.BXOR, torch.bitwise_xor),
        ):
            got = values(RANK, dtype)
            dist.all_reduce(got, op)
            first, *others = all_values(dtype)
            for other in others:
                first = fold(first, other)
            equal(got, first)


def check_all_reduce_of_bools():
    ours = [value > 1 for value in all_values(torch.int32)]
    stacked = torch.stack(ours)
    expected = {
        dist.ReduceOp.SUM: stacked.any(0),
        dist.ReduceOp.MAX: stacked.any(0),
        dist.ReduceOp.BOR: stacked.any(0),
        dist.ReduceOp.PRODUCT: stacked.all(0),
        dist.ReduceOp.MIN: stacked.all(0),
        dist.ReduceOp.BAND: stacked.all(0),
        dist.ReduceOp.BXOR: stacked.sum(0) % 2 == 1,
    }
    for op, result in expected.items():
        got = ours[RANK].clone()
        dist.all_reduce(got, op)
        equal(got, result)


def check_other_layouts_and_shapes():
    expected = sum(all_values(torch.float32))
    got = values(RANK, torch.float32).t().contiguous().t()
    assert not got.is_contiguous()
    dist.all_reduce(got)
    equal(got, expected)
    wide = torch.zeros(5, 14)
    wide[:, ::2] = values(RANK, torch.float32)
    dist.all_reduce(wide[:, ::2])
    equal(wide[:, ::2].contiguous(), expected)
    assert wide[:, 1::2].eq(0).all()
    scalar = torch.tensor(float(RANK))
    dist.all_reduce(scalar)
    equal(scalar, torch.tensor(float(sum(range(SIZE)))))
    dist.all_reduce(torch.empty(0))
    weight = torch.nn.Parameter(torch.ones(3))
    dist.all_reduce(weight)
    equal(weight.detach(), torch.full((3,), float(SIZE)))
    complexes = torch.full((3,), complex(RANK, 1))
    dist.all_reduce(complexes)
    equal(complexes, torch.full((3,), complex(sum(range(SIZE)), SIZE)))


def check_coalesced():
    shapes = ((3,), (2, 4), (1,))
    got = [values(RANK, torch.float64, shape) for shape in shapes]
    dist.all_reduce_coalesced(got)
    for one, shape in zip(got, shapes):
        equal(one, sum(all_values(torch.float64, shape)))
    lists = [[torch.empty(shape) for shape in shapes] for _ in range(SIZE)]
    dist.all_gather_coalesced(lists, [values(RANK, torch.float32, shape) for shape in shapes])
    for rank in range(SIZE):
        for one, shape in zip(lists[rank], shapes):
            equal(one, values(rank, torch.float32, shape))


def check_broadcast_reduce_gather_scatter():
    for dtype in (torch.float32, torch.int64, torch.uint8, torch.float16):
        for root in range(SIZE):
            got, expected = values(RANK, dtype), values(RANK, dtype)
            dist.broadcast(got, root)
            dist.broadcast(expected, root, group=gloo)
            equal(got, expected)
            got = values(RANK, dtype)
            dist.reduce(got, root)
            equal(got, sum(all_values(dtype)).to(dtype) if RANK == root else values(RANK, dtype))
            rows = [torch.empty(5, 7, dtype=dtype) for _ in range(SIZE)] if RANK == root else None
            dist.gather(values(RANK, dtype), rows, root)
            for row, expected in zip(rows or [], all_values(dtype)):
                equal(row, expected)
            got = torch.empty(5, 7, dtype=dtype)
            dist.scatter(got, all_values(dtype) if RANK == root else None, root)
            equal(got, values(RANK, dtype))
    turned = torch.zeros(7, 5).t()
    dist.broadcast(turned if RANK else values(0, torch.float32), 0)
    equal(turned if RANK else values(0, torch.float32), values(0, torch.float32))
    kept = torch.full((4,), RANK, dtype=torch.complex64)  # any type can be moved
    dist.broadcast(kept, 1)
    equal(kept, torch.full((4,), 1, dtype=torch.complex64))


def check_all_gather():
    for dtype in (*FLOATS, *INTS, torch.bool, torch.int16):
        got = [torch.empty(5, 7, dtype=dtype) for _ in range(SIZE)]
        dist.all_gather(got, values(RANK, dtype))
        for one, expected in zip(got, all_values(dtype)):
            equal(one, expected)
    whole = torch.empty(SIZE * 5, 7)
    dist.all_gather_into_tensor(whole, values(RANK, torch.float32))
    equal(whole, torch.cat(all_values(torch.float32)))
    objects = [None] * SIZE
    dist.all_gather_object(objects, {"rank": RANK, "text": "x" * RANK})
    assert objects == [{"rank": rank, "text": "x" * rank} for rank in range(SIZE)]
    shared = [f"from {RANK}"]
    dist.broadcast_object_list(shared, src=1)
    assert shared == ["from 1"]


def check_reduce_scatter():
    for dtype in (*FLOATS, *INTS):
        parts = [values(10 * RANK + to, dtype) for to in range(SIZE)]
        expected = sum(values(10 * rank + RANK, dtype) for rank in range(SIZE))
        got = torch.empty(5, 7, dtype=dtype)
        dist.reduce_scatter(got, parts)
        equal(got, expected)
        got = torch.empty(5, 7, dtype=dtype)
        dist.reduce_scatter_tensor(got, torch.cat(parts))
        equal(got, expected)


def check_all_to_all():
    got, expected = torch.empty(2 * SIZE, 4), torch.empty(2 * SIZE, 4)
    given = values(RANK, torch.float32, (2 * SIZE, 4))
    dist.all_to_all_single(got, given)
    dist.all_to_all_single(expected, given, group=gloo)
    equal(got, expected)
    # Rank r has r + to rows for the rank `to`.
    given = torch.cat([torch.full((RANK + to, 2), 10 * RANK + to) for to in range(SIZE)])
    got = torch.empty(sum(rank + RANK for rank in range(SIZE)), 2, dtype=torch.int64)
    splits = [RANK + other for other in range(SIZE)]
    dist.all_to_all_single(got, given, splits, splits)
    equal(got, torch.cat([torch.full((rank + RANK, 2), 10 * rank + RANK) for rank in range(SIZE)]))
    got = [torch.empty(3) for _ in range(SIZE)]
    dist.all_to_all(got, [torch.full((3,), float(10 * RANK + to)) for to in range(SIZE)])
    for rank, one in enumerate(got):
        equal(one, torch.full((3,), float(10 * rank + RANK)))


def check_many_at_once():
    arrays = [torch.full((1000 + 13 * i,), float(RANK + i)) for i in range(50)]
    works = [dist.all_reduce(array, async_op=True) for array in arrays]
    barrier = dist.barrier(async_op=True)
    futures = [work.get_future().then(lambda done: done.value()[0].sum().item()) for work in works]
    sums = [future.wait() for future in futures]
    barrier.wait()
    assert barrier.is_completed()
    for i, (array, work) in enumerate(zip(arrays, works)):
        assert work.wait() and work.is_completed()
        expected = float(sum(range(SIZE)) + SIZE * i)
        equal(array, torch.full_like(array, expected))
        assert sums[i] == expected * array.numel()


def check_waiting_has_an_end():
    array = torch.ones(10)
    if RANK == 0:
        dist.barrier(group=gloo)  # the others have given up waiting
        dist.all_reduce(array)
    else:
        work = dist.all_reduce(array, async_op=True)
        refuses(lambda: work.wait(datetime.timedelta(milliseconds=20)), "DEADLINE_EXCEEDED", f"on rank {RANK}")
        dist.barrier(group=gloo)
        work.wait()  # it is still under way, and succeeds
    equal(array, torch.full((10,), float(SIZE)))


def check_wrong_calls_are_refused():
    refuses(lambda: dist.all_reduce(torch.zeros(2, dtype=torch.int16)), "all_reduce", "Short cannot be reduced")
    refuses(lambda: dist.all_reduce(torch.ones(2), dist.ReduceOp.BXOR), "BXOR does not work on Float")
    refuses(lambda: dist.all_reduce(torch.ones(2, dtype=torch.bool), dist.ReduceOp.AVG), "AVG")
    refuses(lambda: dist.all_gather([torch.zeros(2)] * SIZE, torch.zeros(3)), "all_gather", "expected 3 Float")
    refuses(lambda: dist.all_gather([torch.zeros(2)], torch.zeros(2)), f"per rank, {SIZE}")
    refuses(lambda: dist.send(torch.zeros(1), (RANK + 1) % SIZE), "UNIMPLEMENTED", "collectives only")
    refuses(lambda: dist.recv(torch.zeros(1), (RANK + 1) % SIZE), "UNIMPLEMENTED", "collectives only")
    refuses(lambda: dist.all_to_all_single(torch.zeros(4), torch.zeros(4), [4], [4]), "do not split into")
    outputs = [torch.zeros(2 + (RANK == 0)) for _ in range(SIZE)]
    refuses(lambda: dist.all_to_all(outputs, [torch.zeros(2)] * SIZE), "8 bytes for rank 0, which expects 12")
    refuses(lambda: troupe.torch.set_wire("int8"), "no wire format 'int8'")


class Model(torch.nn.Module):
    """With buffers and, if wanted, a part that only some ranks use in some steps."""

    def __init__(self, partly):
        super().__init__()
        self.first, self.norm = torch.nn.Linear(40, 300), torch.nn.BatchNorm1d(300)
        self.last, self.sometimes = torch.nn.Linear(300, 3), torch.nn.Linear(3, 3)
        self.partly, self.steps = partly, 0

    def forward(self, features):
        self.steps += 1
        out = self.last(torch.relu(self.norm(self.first(features))))
        return out if self.partly and (self.steps + RANK) % 2 else self.sometimes(out)


def train(group=None, steps=4, hook=False, partly=False, **options):
    torch.manual_seed(RANK)  # so that the first broadcast matters
    options.setdefault("find_unused_parameters", partly)
    model = DistributedDataParallel(Model(partly), process_group=group, bucket_cap_mb=0.02, **options)
    if hook:
        troupe.torch.register(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    for step in range(steps):
        generator = torch.Generator().manual_seed(100 * step + RANK)
        features, target = torch.randn(16, 40, generator=generator), torch.randn(16, 3, generator=generator)
        optimizer.zero_grad()
        torch.nn.functional.mse_loss(model(features), target).backward()
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def same_on_all_ranks(weights):
    rows = [torch.empty_like(weights) for _ in range(SIZE)]
    dist.all_gather(rows, weights, group=gloo)
    return all(torch.equal(row.view(torch.int32), rows[0].view(torch.int32)) for row in rows)


def check_training_equals_gloos():
    for options in ({}, {"gradient_as_bucket_view": True}, {"partly": True}, {"static_graph": True}):
        got, expected = train(**options), train(gloo, **options)
        assert same_on_all_ranks(got), options
        assert torch.allclose(got, expected, rtol=1e-4, atol=1e-6), (options, (got - expected).abs().max())


def check_the_hook_next_to_the_backend():
    got = train(hook=True)
    assert same_on_all_ranks(got)
    assert torch.allclose(got, train(gloo), rtol=1e-4, atol=1e-6)
    # And next to another backend, as its users have it.
    assert torch.equal(train(gloo, hook=True), got)


def check_half_the_bytes():
    # 1 + 2^-9 has no bfloat16 and a float16; 2^-20 is lost in both when added to 1.
    third = torch.full((1000,), 1 + 2**-9)
    for wire, expected in (("bfloat16", 1.0), ("float16", 1 + 2**-9), ("same", 1 + 2**-9)):
        troupe.torch.set_wire(wire)
        got = third.clone()
        dist.all_reduce(got, dist.ReduceOp.AVG)
        equal(got, torch.full((1000,), expected))
    group = dist.new_group(pg_options=troupe.torch.Options(wire="bfloat16"), timeout=TIMEOUT)
    got = third.clone()
    dist.all_reduce(got, dist.ReduceOp.AVG, group=group)
    equal(got, torch.ones(1000))
    troupe.torch.set_wire("same", group)
    weights = train(group)
    assert same_on_all_ranks(weights)


def check_groups():
    pairs = [dist.new_group([first, (first + 1) % SIZE], timeout=TIMEOUT) for first in range(SIZE)]
    alone = [dist.new_group([rank], timeout=TIMEOUT) for rank in range(SIZE)]
    whole = dist.new_group(timeout=TIMEOUT)
    for first, pair in enumerate(pairs):
        members = sorted([first, (first + 1) % SIZE])
        if RANK not in members:
            continue
        assert dist.get_world_size(pair) == 2 and dist.get_rank(pair) == members.index(RANK)
        got = torch.full((1000,), float(RANK))
        dist.all_reduce(got, group=pair)
        equal(got, torch.full((1000,), float(sum(members))))
        got = torch.full((3,), RANK)
        dist.broadcast(got, members[1], group=pair)
        equal(got, torch.full((3,), members[1]))
    got = torch.full((3,), float(RANK))
    dist.all_reduce(got, group=alone[RANK])
    equal(got, torch.full((3,), float(RANK)))
    dist.all_reduce(got, group=whole)
    equal(got, torch.full((3,), float(sum(range(SIZE)))))
    # A group that is gone does not disturb the others, nor those made later.
    for pair in pairs:
        dist.destroy_process_group(pair)
    pairs.clear()
    later = dist.new_group([0, SIZE - 1], timeout=TIMEOUT)
    if RANK in (0, SIZE - 1):
        dist.all_reduce(got, group=later)
        equal(got, torch.full((3,), float(2 * sum(range(SIZE)))))


def check_operations_of_groups_do_not_wait_for_each_other():
    group = dist.new_group(timeout=TIMEOUT)
    first, second = torch.ones(1000), torch.ones(1000)
    # The order within a communicator counts; between communicators it does not.
    order = [(None, first), (group, second)]
    works = [dist.all_reduce(array, group=which, async_op=True) for which, array in order[:: 1 if RANK else -1]]
    for work in works:
        work.wait()
    equal(first, torch.full((1000,), float(SIZE)))
    equal(second, torch.full((1000,), float(SIZE)))


def check_ends_and_starts_again():
    global gloo
    group = dist.new_group(timeout=TIMEOUT)
    world = _world.current_world()
    gone = weakref.ref(dist.distributed_c10d._get_default_group())
    stale = dist.distributed_c10d._get_default_group()
    gloo = None
    dist.destroy_process_group()
    got = torch.ones(3)
    dist.init_process_group("troupe", timeout=TIMEOUT, **store_at("second"))
    assert _world.current_world() is world  # reducers take a rank once
    dist.all_reduce(got)
    equal(got, torch.full((3,), float(SIZE)))
    again = dist.new_group(timeout=TIMEOUT)
    dist.all_reduce(got, group=again)
    equal(got, torch.full((3,), float(SIZE * SIZE)))
    del stale, group
    gc.collect()
    assert gone() is None
    gloo = dist.new_group(backend="gloo", timeout=TIMEOUT)
    assert same_on_all_ranks(train())


def check_a_forked_child_is_no_rank():
    child = os.fork()
    if child == 0:
        try:
            dist.all_reduce(torch.ones(1))
        except RuntimeError as problem:
            os._exit(0 if "forked" in str(problem) else 1)
        os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    dist.barrier()


def check_a_dead_rank_is_named():
    dead = SIZE - 1
    group = dist.new_group(timeout=TIMEOUT)
    if RANK == dead:
        say("a_dead_rank_is_named", "")
        os._exit(7)  # without a goodbye
    refuses(lambda: dist.all_reduce(torch.ones(100000)), "all_reduce", f"rank {dead}")
    refuses(lambda: dist.all_reduce(torch.ones(10), group=group), f"rank {dead}")
    refuses(lambda: dist.barrier(), f"rank {dead}")
    refuses(lambda: train(), f"rank {dead}")


def say(name, how):
    print(json.dumps([name, how]), flush=True)


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")  # what torch will drop one day is still there
    for name, check in list(globals().items()):
        if not name.startswith("check_"):
            continue
        try:
            check()
            how = ""
        except Exception:
            how = traceback.format_exc()
        say(name.removeprefix("check_"), how)
        if how:
            # The others may wait for this rank: they hear that it is gone.
            sys.exit(1)


if __name__ == "__main__":
    main()
