"""Topics as Redis Streams: the log and its layout, and the Faust driver (transport, consumer, producer) over it."""
