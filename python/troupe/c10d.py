"""The backend `troupe` of torch.distributed. `import troupe.torch` makes it known.

    import troupe.torch
    torch.distributed.init_process_group("troupe")

The process group itself is C++ (troupe._c10d, built if libtorch's headers are found); this module
finds it, gives it its communicator, and registers it. The default group uses the communicator of the whole
job. A group of torch.distributed.new_group has its own: only its members come here, so they agree
on the group's id through the store.
"""

import dataclasses
import datetime
import importlib.machinery
import importlib.util
import pathlib

import torch
import torch.distributed

from troupe import _world
from troupe._world import TroupeError

# How long a process that ends waits for operations that nobody waited for.
_PATIENCE_AT_EXIT = datetime.timedelta(seconds=2)

_module = None


@dataclasses.dataclass
class Options:
    """pg_options of init_process_group and new_group.

    wire: how float32 reductions travel: "same", "float16" or "bfloat16"; the same on every rank.
    """

    wire: str = None


def _places(library_path):
    package = pathlib.Path(__file__).resolve().parent
    # Beside the package where it is installed, otherwise in the build tree of the library.
    return [package, library_path.parent.parent / "python" / "c10d"]


def _extension(world):
    global _module
    if _module is not None:
        return _module
    places = _places(world.library_path)
    for place in places:
        for suffix in importlib.machinery.EXTENSION_SUFFIXES:
            path = place / f"_c10d{suffix}"
            if path.exists():
                # libtroupe is loaded by now, and the extension takes that one.
                spec = importlib.util.spec_from_file_location("troupe._c10d", path)
                try:
                    module = importlib.util.module_from_spec(spec)
                    spec.loader.exec_module(module)
                except ImportError as problem:
                    raise TroupeError(
                        "UNIMPLEMENTED",
                        f"{path} does not fit this Python and PyTorch {torch.__version__}; it was "
                        f"built for those of the system ({problem})",
                    ) from problem
                _module = module
                return _module
    raise TroupeError(
        "UNIMPLEMENTED",
        "this build of Troupe has no torch.distributed backend, because libtorch-dev and "
        "pybind11-dev were missing when it was built; install them and build again, or keep your "
        "backend and use troupe.torch.register(model). Looked at: " + ", ".join(map(str, places)),
    )


def _agree_on_id(store, rank, size, largest):
    """An id for a group: new to all members, and no other group's. `store` is the group's own."""
    store.set(f"troupe/largest/{rank}", str(largest))
    if rank == 0:
        taken = max(int(store.get(f"troupe/largest/{member}")) for member in range(size))
        everyone = torch.distributed.distributed_c10d._get_default_store()
        group_id = everyone.add("troupe/groups", 1)
        if group_id <= taken:
            # Ids of a process group's earlier life may still be in use by a slow rank.
            group_id = everyone.add("troupe/groups", taken + 1 - group_id)
        store.set("troupe/id", str(group_id))
    return int(store.get("troupe/id"))


def _reopened(world):
    """A world whose job failed meanwhile cannot be used again; one in good order can."""
    try:
        world.check(world.library.troupe_barrier(world.handle))
        return True
    except TroupeError:
        try:
            _world.close_world()
        except TroupeError:
            pass  # it has failed, which is why it is closed
        return False


def _create(given, options):
    ranks = list(given.global_ranks_in_group)
    rank, size = given.group_rank, given.group_size
    if options is not None and not isinstance(options, Options):
        raise TroupeError(
            "INVALID_ARGUMENT",
            f"pg_options is a {type(options).__name__}; expected a troupe.torch.Options",
        )
    given_by_torch = (rank, size) if not ranks else (None, None)
    known = _world.is_open()
    world = _world.open_world(*given_by_torch)
    if not ranks and known and not _reopened(world):
        world = _world.open_world(*given_by_torch)
    extension = _extension(world)
    world.at_close["c10d"] = lambda: extension.close_all(_PATIENCE_AT_EXIT)
    handle = world.handle
    if ranks:
        group_id = _agree_on_id(given.store, rank, size, world.largest_group_id)
        handle = world.group(group_id, ranks)
    group = extension.ProcessGroupTroupe(
        comm=handle.value, owned=bool(ranks), rank=rank, size=size, timeout=given.timeout
    )
    wire = options.wire if options is not None and options.wire is not None else world.wire
    if wire is not None:
        group.choose_wire(_world.wire_number(wire))
    return group


def register():
    """Makes the backend known to torch.distributed; again: no effect."""
    if not hasattr(torch.distributed.Backend, "TROUPE"):
        torch.distributed.Backend.register_backend("troupe", _create, extended_api=True)
