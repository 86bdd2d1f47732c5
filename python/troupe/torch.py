"""PyTorch gradients through Troupe's reducers.

    import troupe.torch

    troupe.torch.init()
    model = torch.nn.parallel.DistributedDataParallel(model)
    troupe.torch.register(model)

DistributedDataParallel keeps its own backend (gloo) for rendezvous and the first broadcast of the
weights; from register() on, gradients are averaged by the reducers. A job's environment names
the reducers.
"""

import atexit
import ctypes
import os
import queue
import threading

import torch
import torch.futures

from troupe import _library

__all__ = [
    "TroupeError",
    "all_reduce",
    "allreduce_hook",
    "barrier",
    "describe",
    "finalize",
    "init",
    "register",
]

_TYPES = {getattr(torch, name): number for number, name in enumerate(_library.DTYPES)}
_OPS = {name: number for number, name in enumerate(_library.OPS)}


class TroupeError(RuntimeError):
    """A rank or reducer is lost, ranks disagree, or a call was wrong; the text says which."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class _Communicator:
    """This process's membership in the job, and the thread that completes its futures."""

    def __init__(self):
        self._library = _library.load()
        handle = ctypes.c_void_p()
        self._check(self._library.troupe_init_from_env(ctypes.byref(handle)))
        self._handle = handle
        self.rank = self._library.troupe_rank(handle)
        self.world_size = self._library.troupe_world_size(handle)
        self.reducer_count = self._library.troupe_reducer_count(handle)
        self._started = queue.SimpleQueue()
        self._completer = threading.Thread(
            target=self._complete, name="troupe-complete", daemon=True
        )
        self._completer.start()

    def _check(self, status):
        if status != 0:
            name = self._library.troupe_error_text(status).decode()
            raise TroupeError(name, self._library.troupe_last_error().decode(errors="replace"))

    def _arguments(self, tensor, op):
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
            self._handle,
            address,
            address,
            tensor.numel(),
            _TYPES[tensor.dtype],
            _OPS[op],
            _library.HOST,
        )

    def reduce(self, tensor, op):
        self._check(self._library.troupe_allreduce(*self._arguments(tensor, op)))

    def start(self, tensor, op):
        """Starts to reduce in place; the future holds the tensor when it is done."""
        request = ctypes.c_void_p()
        arguments = self._arguments(tensor, op)
        self._check(self._library.troupe_iallreduce(*arguments, ctypes.byref(request)))
        future = torch.futures.Future()
        self._started.put((request, tensor, future))
        return future

    def _complete(self):
        # troupe_wait lets go of Python's lock, so the backward pass goes on meanwhile.
        while (entry := self._started.get()) is not None:
            request, tensor, future = entry
            try:
                self._check(self._library.troupe_wait(request))
            except TroupeError as problem:
                future.set_exception(problem)
            else:
                future.set_result(tensor)

    def barrier(self):
        self._check(self._library.troupe_barrier(self._handle))

    def close(self):
        self._started.put(None)
        self._completer.join()
        handle, self._handle = self._handle, None
        self._check(self._library.troupe_finalize(handle))


_communicator = None


def init():
    """Meets the job's reducers and the other ranks; blocks until all are there. Again: no effect."""
    global _communicator
    if _communicator is not None:
        return
    if not os.environ.get("TROUPE_REDUCERS"):
        raise TroupeError(
            "INVALID_ARGUMENT",
            "TROUPE_REDUCERS is not set, so there are no reducers to use. Give the job a worker "
            "pool with the image troupe/reductionserver, or start `troupe reducer` by hand and set "
            "TROUPE_REDUCERS=host:port,host:port, TROUPE_JOB, TROUPE_TOKEN, RANK and WORLD_SIZE",
        )
    _communicator = _Communicator()
    atexit.register(finalize)


def finalize():
    """Leaves the job in good order. Called at exit; call it earlier to let the reducers end."""
    global _communicator
    if _communicator is None:
        return
    atexit.unregister(finalize)
    leaving, _communicator = _communicator, None
    leaving.close()


def _current():
    if _communicator is None:
        raise TroupeError("FAILED_PRECONDITION", "call troupe.torch.init() first")
    return _communicator


def describe():
    """How arrays travel, for a log line: "2 ranks -> 2 reducers (troupe)"."""
    here = _current()

    def plural(count, what):
        return f"{count} {what}" + ("" if count == 1 else "s")

    return f"{plural(here.world_size, 'rank')} -> {plural(here.reducer_count, 'reducer')} (troupe)"


def all_reduce(tensor, op="sum"):
    """Combines all ranks' tensors in place by op: sum, avg, min, max, prod; returns the tensor."""
    if tensor.is_contiguous():
        _current().reduce(tensor, op)
    else:
        dense = tensor.contiguous()
        _current().reduce(dense, op)
        tensor.copy_(dense)
    return tensor


def barrier():
    """Blocks until every rank has called it."""
    _current().barrier()


def allreduce_hook(state, bucket):
    """A hook for DistributedDataParallel: averages one bucket of gradients; `state` is not used."""
    return _current().start(bucket.buffer(), "avg")


def register(model):
    """Makes a DistributedDataParallel model average its gradients through the reducers."""
    init()
    model.register_comm_hook(None, allreduce_hook)
