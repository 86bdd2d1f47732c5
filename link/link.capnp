@0xc1d3a6f0b7e24985;
# What two processes send to each other. Only the sender and the receiver of a frame know what its
# kind and its payload mean.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::link::rpc");

struct Frame {
  kind @0 :UInt16;         # tells the receiver how to read the payload
  correlation @1 :UInt64;  # a request and its answer carry the same number; 0: neither
  payload @2 :Data;
}

interface Mailbox {
  # One direction of a session.

  deliver @0 (frames :List(Frame)) -> ();
  # In order. The answer means that every frame was handed over. No frames: a sign of life.

  depart @1 (reason :Text) -> ();
  # The sender ends the session; the reason is for the peer's log.
}

interface JoinService @0xccc2a0de400dfecc {
  # What a peer finds at the port, once its certificate is accepted. Keeps its id and the number of
  # `join` in every version, so that two versions can at least refuse each other in words.

  join @0 (protocol :UInt16, hello :Data, inbox :Mailbox) -> Reception;
}

struct Reception {
  union {
    refusal :group {
      code @0 :UInt8;    # google.rpc.Code
      message @1 :Text;
    }
    welcome :group {
      hello @2 :Data;
      outbox @3 :Mailbox;  # the joined peer sends its frames here
    }
  }
}
