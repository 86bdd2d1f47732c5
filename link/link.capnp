@0xc1d3a6f0b7e24985;
# What two processes say to each other. What is in a frame is the business of those who send them.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::link::rpc");

interface Mailbox {
  # One direction of a session.

  deliver @0 (frames :List(Data)) -> ();
  # In order. The answer means that every frame was handed over. No frames: a sign of life.

  depart @1 (reason :Text) -> ();
  # The sender ends the session, and says why.
}

interface JoinService @0xccc2a0de400dfecc {
  # What a peer finds at the port, once its certificate is accepted.

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
      outbox @3 :Mailbox;  # where the joined peer sends its frames
    }
  }
}
