"""The commit guard: never commit past a message that is still in work, and never for a lost assignment."""

from typing import Any


class CommitGuard:
    """A mixin for any of Faust's consumers.

    Faust 0.15.3 commits past an unacked message when the committed offset is the oldest unacked one
    (faust-streaming#606); it also counts an ack that arrives after its partition was taken away and given back.
    """

    _unacked_messages: Any
    _acked: Any
    app: Any

    def _new_offset(self, tp: Any) -> int | None:
        oldest = min((m.offset for m in self._unacked_messages if m.tp == tp and not m.acked), default=None)
        if oldest is None:
            return super()._new_offset(tp)  # type: ignore[misc, no-any-return]
        acked = self._acked[tp]
        later = [o for o in acked if o >= oldest]
        acked[:] = [o for o in acked if o < oldest]
        try:
            return super()._new_offset(tp)  # type: ignore[misc, no-any-return]
        finally:
            acked.extend(later)

    def ack(self, message: Any) -> bool:
        """Count an ack only in the generation that the message was read in."""
        generation = getattr(message, "generation_id", None)
        if generation is not None and generation != self.app.consumer_generation_id:
            message.acked = True
            self._unacked_messages.discard(message)
            return False
        return super().ack(message)  # type: ignore[misc, no-any-return]
