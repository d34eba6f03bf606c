"""The process of one driver."""

from hostmon.supervisor.child import main

main()
