"""The Prometheus driver: serves the host's metrics over HTTP, and a page that says where."""

from hostmon_drivers.prometheus.driver import PrometheusDriver

__all__ = ["PrometheusDriver"]
