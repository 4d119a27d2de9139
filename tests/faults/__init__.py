"""Fault suite: after any crash, articles are complete and unique.

ledger server ─▶ poller ─▶ desks ─▶ articles ─▶ subscribers        every connection goes through a proxy
      │ ledger                        │ articles, dead letters, counters
      └────────────▶ checker ◀────────┘
"""
