"""PyTorch through Troupe's reducers. A job's environment names the reducers.

As the backend of torch.distributed, for scripts that call nothing else:

    import troupe.torch
    torch.distributed.init_process_group("troupe")

Or for the gradients alone, next to another backend, by DistributedDataParallel's hook:

    troupe.torch.init()
    model = torch.nn.parallel.DistributedDataParallel(model)
    troupe.torch.register(model)

DistributedDataParallel keeps its own backend (gloo) for rendezvous and the first broadcast of the
weights then; from register() on, gradients are averaged by the reducers.

float32 values travel as they are, or with half the bytes as float16 or bfloat16: set_wire(), or
TROUPE_WIRE=bfloat16 in the environment.
"""

import ctypes
import queue
import threading

import torch
import torch.distributed
import torch.futures

from troupe import _library, _world
from troupe._world import TroupeError

__all__ = [
    "Options",
    "TroupeError",
    "all_reduce",
    "allreduce_hook",
    "barrier",
    "describe",
    "finalize",
    "init",
    "register",
    "set_wire",
]

_TYPES = {getattr(torch, name): number for number, name in enumerate(_library.DTYPES)}
_OPS = {name: number for number, name in enumerate(_library.OPS)}

if torch.distributed.is_available():
    from troupe import c10d
    from troupe.c10d import Options

    c10d.register()


def _arguments(world, tensor, op):
    if tensor.device.type != "cpu":
        raise TroupeError(
            "UNIMPLEMENTED",
            f"a tensor on {tensor.device} cannot be reduced yet; copy it to the CPU first",
        )
    if tensor.dtype not in _TYPES:
        raise TroupeError(
            "INVALID_ARGUMENT",
            f"{tensor.dtype} cannot be reduced; expected one of {', '.join(_library.DTYPES)}",
        )
    if op not in _OPS:
        raise TroupeError(
            "INVALID_ARGUMENT", f"no operator {op!r}; expected one of {', '.join(_OPS)}"
        )
    if not tensor.is_contiguous():
        raise TroupeError("INVALID_ARGUMENT", "the tensor is not contiguous")
    address = tensor.data_ptr()
    return (
        world.handle,
        address,
        address,
        tensor.numel(),
        _TYPES[tensor.dtype],
        _OPS[op],
        _library.HOST,
    )


class _Completer:
    """The thread that completes the hook's futures, in the order in which they were made."""

    def __init__(self, world):
        self.world = world
        self._started = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="troupe-complete", daemon=True)
        self._thread.start()
        world.at_close["hook"] = self._close

    def start(self, tensor, op):
        """Starts to reduce in place; the future holds the tensor when it is done."""
        request = ctypes.c_void_p()
        arguments = _arguments(self.world, tensor, op)
        started = self.world.library.troupe_iallreduce(*arguments, ctypes.byref(request))
        self.world.check(started)
        future = torch.futures.Future()
        self._started.put((request, tensor, future))
        return future

    def _run(self):
        # troupe_wait releases Python's lock, so the backward pass goes on meanwhile.
        while (entry := self._started.get()) is not None:
            request, tensor, future = entry
            try:
                self.world.check(self.world.library.troupe_wait(request))
            except TroupeError as problem:
                future.set_exception(problem)
            else:
                future.set_result(tensor)

    def _close(self):
        self._started.put(None)
        # Operations that are under way even then fail when the communicator ends.
        self._thread.join(_PATIENCE_AT_EXIT_S)


def init(wire=None):
    """Meets the job's reducers and the other ranks; blocks until all are there. Again: no effect.

    wire: see set_wire.
    """
    _world.open_world()
    if wire is not None:
        set_wire(wire)


def finalize():
    """Leaves the job in good order. Called at exit; call it earlier to let the reducers end.

    Process groups of the backend `troupe` that still exist can do nothing afterwards.
    """
    _world.close_world()


def set_wire(wire, group=None):
    """How float32 reductions travel from now on: "same", "float16" or "bfloat16"; on every rank.

    group: one of the backend `troupe`; by default the job's communicator, which the hook and the
    default process group use. Groups made later begin with the job's.
    """
    if group is None:
        _world.current_world().choose_wire(wire)
    else:
        group.choose_wire(_world.wire_number(wire))


def describe():
    """How arrays travel, for a log line: "2 ranks -> 2 reducers (troupe)"."""
    here = _world.current_world()

    def plural(count, noun):
        return f"{count} {noun}" + ("" if count == 1 else "s")

    return f"{plural(here.size, 'rank')} -> {plural(here.reducer_count, 'reducer')} (troupe)"


def all_reduce(tensor, op="sum"):
    """Combines all ranks' tensors in place by op: sum, avg, min, max, prod; returns the tensor."""
    world = _world.current_world()
    dense = tensor.contiguous()
    world.check(world.library.troupe_allreduce(*_arguments(world, dense, op)))
    if dense is not tensor:
        tensor.copy_(dense)
    return tensor


def barrier():
    """Blocks until every rank has called it."""
    world = _world.current_world()
    world.check(world.library.troupe_barrier(world.handle))


_PATIENCE_AT_EXIT_S = 2
_completer = None


def allreduce_hook(state, bucket):
    """A hook for DistributedDataParallel: averages one bucket of gradients; `state` is not used."""
    global _completer
    world = _world.current_world()
    if _completer is None or _completer.world is not world:
        _completer = _Completer(world)
    return _completer.start(bucket.buffer(), "avg")


def register(model, wire=None):
    """Makes a DistributedDataParallel model average its gradients through the reducers.

    wire: see set_wire.
    """
    init(wire)
    model.register_comm_hook(None, allreduce_hook)
