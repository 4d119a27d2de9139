"""News events: articles about one event, across languages. `worker` reads articles and publishes `NewsEvent` records.

    article ──▶ encoder, terms ──▶ signature ──▶ nearest articles of the window ──▶ pair model ──▶ event

Decisions are pure (`terms`, `signature`, `pair_model`, `window`, `decisions`); `worker` acts, then remembers.
"""
