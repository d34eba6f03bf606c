"""The agent's own figures of what it read, as metrics."""

from hostmon.own_metrics import reading_families
from hostmon.status import ReadingStatus


def test_what_was_not_read_is_counted_by_its_reason() -> None:
    reading = ReadingStatus(unresolved=3, memory_failures=5, overtaken=7, unknown_fields=11)
    found = {
        sample.name: sample.value
        for family in reading_families(reading)
        for sample in family.samples
    }
    assert found["hostmon_guests_unresolved"] == 3
    assert found["hostmon_kernel_memory_failures_total"] == 5
    assert found["hostmon_readings_overtaken_total"] == 7
    assert found["hostmon_readings_unknown_fields_total"] == 11
