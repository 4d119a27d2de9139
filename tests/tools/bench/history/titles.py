"""The tracked measures with their unit, their floor and their peer, for the docs."""

TITLES = {
    "agent on Valkey": (
        "A 2 KB event through a Faust agent on Valkey: read, published and committed in one step, without the server. "
        "Floor: a loop of redis-py that reads a hundred events, publishes them and writes the offset."
    ),
    "item in the desk": (
        "An invented item with eleven links through the desk, Valkey included. Floor: decode the item, parse its HTML "
        "and encode it. Peer: trafilatura, which extracts its text only."
    ),
    "poll, not modified": (
        "A poll that HTTP 304 answers, 50 at once, with the claim and without Valkey. "
        "Floor: the same request by aiohttp."
    ),
    "feed document": "Parsing a feed of 33 items and 48 KB. Floor: expat without handlers. Peer: feedparser.",
    "agent on Kafka": (
        "A 2 KB event through a Faust agent on Kafka, exactly once. Floor: an aiokafka loop, at least once. "
        "Peer: an aiokafka loop with a transaction for each batch."
    ),
}
