"""The fault suite: whatever dies, nothing is lost and nothing comes out twice.

truth server ─▶ poller ─▶ desks ─▶ articles ─▶ subscribers        every arrow through a proxy of ours
     │ ledger                        │ wire, dead letters, counters
     └────────────▶ checker ◀────────┘
"""
