"""A clock for tests."""

from streams.clock import Moment, boottime_s


class Wall:
    """A broker clock that tests can set, beside a monotonic clock. Both start at the present, which brokers record."""

    def __init__(self, time_s: float) -> None:
        self.time_s, self.ticks_s = time_s, boottime_s()

    async def __call__(self) -> Moment:
        return Moment(self.time_s, self.ticks_s)

    def pass_s(self, seconds: float) -> None:
        self.time_s += seconds
        self.ticks_s += seconds

    def jump(self, seconds: float) -> None:
        self.time_s += seconds
