"""This process's membership in its job: one communicator of libtroupe for the whole process.

The communication hook and the process groups of the backend `troupe` share it, because a job's
reducers take each rank once. It stays open when process groups are destroyed and made again, and
ends with the process, or with close_world().
"""

import atexit
import contextlib
import ctypes
import os
import threading

from troupe import _library


class TroupeError(RuntimeError):
    """A rank or reducer is lost, ranks disagree, or a call was wrong; the text says which."""

    def __init__(self, status, text):
        super().__init__(f"{status}: {text}")
        self.status = status


class World:
    """The communicator of all ranks, as ctypes sees it."""

    def __init__(self):
        self.library, self.library_path = _library.load()
        handle = ctypes.c_void_p()
        self.check(self.library.troupe_init_from_env(ctypes.byref(handle)))
        self.handle = handle
        self.rank = self.library.troupe_rank(handle)
        self.size = self.library.troupe_world_size(handle)
        self.reducer_count = self.library.troupe_reducer_count(handle)
        self.largest_group_id = 0
        # Called before the communicator ends, to release what still uses it. By the user's name,
        # because each user registers more than once.
        self.at_close = {}
        self.wire = None
        if chosen := os.environ.get("TROUPE_WIRE"):
            self.choose_wire(chosen)

    def check(self, status):
        if status != 0:
            name = self.library.troupe_error_text(status).decode()
            raise TroupeError(name, self.library.troupe_last_error().decode(errors="replace"))

    def choose_wire(self, wire):
        self.check(self.library.troupe_set_wire(self.handle, wire_number(wire)))
        self.wire = wire

    def group(self, group_id, ranks):
        """The handle of a communicator of some ranks; only those call this."""
        made = ctypes.c_void_p()
        listed = (ctypes.c_uint32 * len(ranks))(*ranks)
        self.check(
            self.library.troupe_group(
                self.handle, group_id, listed, len(ranks), ctypes.byref(made)
            )
        )
        self.largest_group_id = max(self.largest_group_id, group_id)
        return made

    def close(self):
        handle, self.handle = self.handle, None
        for release in self.at_close.values():
            release()
        self.check(self.library.troupe_finalize(handle))


def wire_number(wire):
    if wire not in _library.WIRES:
        raise TroupeError(
            "INVALID_ARGUMENT",
            f"no wire format {wire!r}; expected one of {', '.join(_library.WIRES)}",
        )
    return _library.WIRES.index(wire)


_world = None
_opening = threading.Lock()
_process = None


@contextlib.contextmanager
def _environment_of(rank, size):
    """RANK and WORLD_SIZE for libtroupe, where only torch knows them."""
    known = {"RANK": rank, "WORLD_SIZE": size}
    missing = {
        name: str(value)
        for name, value in known.items()
        if value is not None and not os.environ.get(name)
    }
    os.environ.update(missing)
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]


def open_world(rank=None, size=None):
    """Meets the job's reducers and all other ranks, at the first call; blocks until they are there.

    `rank` and `size` are those that torch knows, if it does.
    """
    global _world, _process
    with _opening:
        if _world is None:
            if not (os.environ.get("TROUPE_REDUCERS") or os.environ.get("TROUPE_HUB")):
                raise TroupeError(
                    "INVALID_ARGUMENT",
                    "TROUPE_REDUCERS is not set, so there are no reducers to use. Give the job a "
                    "worker pool with the image troupe/reductionserver, or start `troupe reducer` "
                    "by hand and set TROUPE_REDUCERS=host:port,host:port, TROUPE_JOB, "
                    "TROUPE_TOKEN, RANK and WORLD_SIZE",
                )
            for name, value in (("RANK", rank), ("WORLD_SIZE", size)):
                _check_same(name, os.environ.get(name), value)
            with _environment_of(rank, size):
                _world = World()
            _process = os.getpid()
            atexit.register(close_world)
        for name, value, has in (("RANK", rank, _world.rank), ("WORLD_SIZE", size, _world.size)):
            _check_same(name, has, value)
        return _world


def _check_same(name, ours, theirs):
    if ours is not None and theirs is not None and str(ours) != str(theirs):
        raise TroupeError(
            "INVALID_ARGUMENT",
            f"{name} is {ours} for Troupe and {theirs} for torch.distributed; they have to be "
            "the same (init_process_group takes them from the environment by default)",
        )


def is_open():
    return _world is not None


def current_world():
    if _world is None:
        raise TroupeError("FAILED_PRECONDITION", "call troupe.torch.init() first")
    return _world


def close_world():
    """Leaves the job in good order. Called at exit; call it earlier to let the reducers end."""
    global _world
    with _opening:
        # A forked child has nothing to leave.
        if _world is None or _process != os.getpid():
            return
        atexit.unregister(close_world)
        leaving, _world = _world, None
    leaving.close()
