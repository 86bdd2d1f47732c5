"""One end of a plain TCP stream, as a separate process. Calibration measures links with it.

`stream.py sink` prints its port, accepts one connection, prints `connected`, and reads from its input the two
times between which it counts; they are of the monotonic clock, which is the same in all namespaces.
Then it prints how many bytes came. `stream.py source HOST PORT` sends until the other end closes.
"""
import json
import socket
import sys
import threading
import time

BLOCK = 1 << 18


def sink():
    listener = socket.create_server(("", 0))
    print(listener.getsockname()[1], flush=True)
    connection, _ = listener.accept()
    print("connected", flush=True)
    moments = []
    threading.Thread(target=lambda: moments.extend(map(float, sys.stdin.readline().split())), daemon=True).start()
    block, counted = bytearray(BLOCK), 0
    first = last = None
    while got := connection.recv_into(block):
        now = time.monotonic()
        if len(moments) < 2 or now < moments[0]:
            continue
        if now > moments[1]:
            break
        if first is None:
            first = now  # bytes up to here came before the first time
        else:
            counted, last = counted + got, now
    print(json.dumps({"bytes": counted, "seconds": (last - first) if last else 0}), flush=True)


def source(host, port):
    block = memoryview(bytearray(BLOCK))
    with socket.create_connection((host, port)) as connection:
        try:
            while True:
                connection.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            pass


if __name__ == "__main__":
    if sys.argv[1] == "sink":
        sink()
    else:
        source(sys.argv[2], int(sys.argv[3]))
