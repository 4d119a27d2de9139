"""Deterministic simulation: real pollers, desks, leases, subscribers and sinks in one thread, in virtual time.

    seed ─▶ world: processes with an event loop each, one server, one clock
              │ picks a process, runs one callback of its loop, and injects faults
              └▶ articles, deliveries ─▶ checks

A seed decides the order of all callbacks, delays and faults, so that it replays a failure exactly.
`docs/explanation/simulation.md` describes the parts that are real and the parts that are models.
"""
