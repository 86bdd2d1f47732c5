"""Finds and loads libtroupe.so, and describes its functions to ctypes."""

import ctypes
import ctypes.util
import os
import pathlib

# troupe_dtype, troupe_op and troupe_wire, in order.
DTYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int64", "int8", "uint8")
OPS = ("sum", "avg", "min", "max", "prod")
WIRES = ("same", "float16", "bfloat16")
HOST = 0  # troupe_memory

_NAME = "libtroupe.so"


def _candidates():
    chosen = os.environ.get("TROUPE_LIB")
    if chosen:
        # A user who names a library means that one: search nowhere else.
        return [pathlib.Path(chosen)]
    package = pathlib.Path(__file__).resolve().parent
    source = package.parent.parent
    places = [package, source / "build" / "reduction"]
    # An installed package lies in <prefix>/lib/python3*/..-packages/troupe.
    for prefix in list(package.parents)[:5]:
        places += [prefix / "lib" / "x86_64-linux-gnu", prefix / "lib64", prefix / "lib", prefix]
    return [place / _NAME for place in places]


class Stats(ctypes.Structure):
    """troupe_stats."""

    _fields_ = [
        ("struct_size", ctypes.c_size_t),
        ("operations", ctypes.c_uint64),
        ("bytes_sent", ctypes.c_uint64),
        ("bytes_received", ctypes.c_uint64),
        ("reducers", ctypes.c_uint32),
        ("reducers_alive", ctypes.c_uint32),
        ("kappa", ctypes.c_double),
        ("reducer_share", ctypes.c_double),
        ("waiting_for", ctypes.c_char * 256),
    ]


def _signatures(library):
    pointer, status = ctypes.c_void_p, ctypes.c_int
    number = ctypes.c_uint32
    call = [pointer, pointer, pointer, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    wanted = {
        "troupe_init_from_env": (status, [ctypes.POINTER(pointer)]),
        "troupe_finalize": (status, [pointer]),
        "troupe_barrier": (status, [pointer]),
        "troupe_rank": (number, [pointer]),
        "troupe_world_size": (number, [pointer]),
        "troupe_reducer_count": (number, [pointer]),
        "troupe_group": (
            status,
            [pointer, number, ctypes.POINTER(number), number, ctypes.POINTER(pointer)],
        ),
        "troupe_set_wire": (status, [pointer, ctypes.c_int]),
        "troupe_allreduce": (status, call),
        "troupe_iallreduce": (status, call + [ctypes.POINTER(pointer)]),
        "troupe_get_stats": (status, [pointer, ctypes.POINTER(Stats)]),
        "troupe_wait": (status, [pointer]),
        "troupe_error_text": (ctypes.c_char_p, [status]),
        "troupe_last_error": (ctypes.c_char_p, []),
    }
    for name, (result, arguments) in wanted.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def load():
    """The library, and the path that it was loaded from."""
    tried = []
    for path in _candidates():
        if path.exists():
            library = ctypes.CDLL(str(path))
            _signatures(library)
            return library, path.resolve()
        tried.append(str(path))
    found = None if os.environ.get("TROUPE_LIB") else ctypes.util.find_library("troupe")
    if found:
        library = ctypes.CDLL(found)
        _signatures(library)
        return library, pathlib.Path(found)
    raise ImportError(
        f"{_NAME} was not found; set TROUPE_LIB to its path. Looked at: " + ", ".join(tried)
    )
