"""The Redis Streams broker: topics, groups and shared state in one Valkey or Redis."""
