"""Finds and loads libtroupe.so, and describes its functions to ctypes."""

import ctypes
import ctypes.util
import os
import pathlib

DTYPES = ("float32", "float64", "float16", "bfloat16", "int32", "int64")  # troupe_dtype, in order
OPS = ("sum", "avg", "min", "max", "prod")  # troupe_op, in order
HOST = 0  # troupe_memory

_NAME = "libtroupe.so"


def _candidates():
    chosen = os.environ.get("TROUPE_LIB")
    if chosen:
        # Someone who names a library means that one: no search behind their back.
        return [pathlib.Path(chosen)]
    package = pathlib.Path(__file__).resolve().parent
    source = package.parent.parent
    places = [package, source / "build" / "reduction"]
    # An installed package lies in <prefix>/lib/python3*/..-packages/troupe.
    for prefix in list(package.parents)[:5]:
        places += [prefix / "lib" / "x86_64-linux-gnu", prefix / "lib64", prefix / "lib", prefix]
    return [place / _NAME for place in places]


def _signatures(library):
    pointer, status = ctypes.c_void_p, ctypes.c_int
    call = [pointer, pointer, pointer, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int]
    wanted = {
        "troupe_init_from_env": (status, [ctypes.POINTER(pointer)]),
        "troupe_finalize": (status, [pointer]),
        "troupe_barrier": (status, [pointer]),
        "troupe_rank": (ctypes.c_uint32, [pointer]),
        "troupe_world_size": (ctypes.c_uint32, [pointer]),
        "troupe_reducer_count": (ctypes.c_uint32, [pointer]),
        "troupe_allreduce": (status, call),
        "troupe_iallreduce": (status, call + [ctypes.POINTER(pointer)]),
        "troupe_wait": (status, [pointer]),
        "troupe_error_text": (ctypes.c_char_p, [status]),
        "troupe_last_error": (ctypes.c_char_p, []),
    }
    for name, (result, arguments) in wanted.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments


def load():
    tried = []
    for path in _candidates():
        if path.exists():
            library = ctypes.CDLL(str(path))
            _signatures(library)
            return library
        tried.append(str(path))
    found = None if os.environ.get("TROUPE_LIB") else ctypes.util.find_library("troupe")
    if found:
        library = ctypes.CDLL(found)
        _signatures(library)
        return library
    raise ImportError(
        f"{_NAME} was not found; set TROUPE_LIB to its path. Looked at: " + ", ".join(tried)
    )
