#!/bin/sh
# These are the tests that tests/run.sh runs.
case "$*" in "" | --long) ;; *) echo "usage: ./tests/run.sh [--long]" >&2; exit 2 ;; esac
