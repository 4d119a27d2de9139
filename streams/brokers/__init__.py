"""What carries the topics: Redis Streams in Valkey, or Kafka. `broker.py` is the seam, all else is behind it."""
