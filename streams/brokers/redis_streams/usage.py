"""The memory that a Valkey or Redis uses, and its limit."""

from streams.state.store import StateStore


class MemoryUsage:
    """Base of the broker: reads the server's memory. `Broker` documents the methods that have no docstring here."""

    state: StateStore

    async def memory(self) -> tuple[int, int]:
        """Return the bytes used by messages and state, and the broker's limit (0: none).

        Output buffers of clients are not counted: 500 messages to one reader can fill half of a small memory. Their
        sum comes from CLIENT LIST, since `mem_clients_normal` of INFO can be a second old.
        """
        async with self.state.pipeline(transaction=True) as pipe:
            pipe.info("memory")
            pipe.client_list()
            memory, clients = await pipe.execute()
        used = int(memory["used_memory"]) - sum(int(client["tot-mem"]) for client in clients)
        return used, int(memory.get("maxmemory", 0))

    async def memory_usage(self) -> float:
        memory = await self.state.info("memory")
        limit = int(memory.get("maxmemory", 0))
        return int(memory["used_memory"]) / limit if limit else 0.0

    async def free_bytes(self, share: float) -> int | None:
        memory = await self.state.info("memory")
        limit = int(memory.get("maxmemory", 0))
        return round(share * limit) - int(memory["used_memory"]) if limit else None
