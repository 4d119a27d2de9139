"""The in-memory broker: topics, groups and state in one process, for tests of subscribers."""
