"""What reading guests has come to, of both samplers and the table, as the agent tells it."""

from hostmon._table import GuestTable
from hostmon.sampler import NO_KERNEL, KernelSampler
from hostmon.stats import StatsSampler
from hostmon.status import ReadingStatus


def reading_status(
    asker: StatsSampler, kernel: KernelSampler | None, table: GuestTable
) -> ReadingStatus:
    """All counts so far; without a kernel sampler its counts are 0."""
    asked = asker.report()
    passed = kernel.report() if kernel is not None else NO_KERNEL
    overtaken, unknown_fields = table.passed_over
    return ReadingStatus(
        passes=passed.passes,
        cpu=passed.cpu,
        last_pass=passed.last_pass,
        calls=asked.calls,
        confirmed=asked.confirmed,
        late=asked.deadlines,
        failed=asked.failures,
        hung=asked.hung_calls,
        stuck=asked.stuck,
        denied=passed.denied,
        unresolved=passed.unresolved,
        barred=passed.barred,
        memory_failures=passed.memory_failures,
        overtaken=overtaken,
        unknown_fields=unknown_fields,
    )
