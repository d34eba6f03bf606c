"""The process that looks at one foreign driver."""

from hostmon.loader.probe import main

main()
