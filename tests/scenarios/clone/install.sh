#!/bin/sh
# install.sh takes minutes and is run by tests/run.sh.
case "$*" in "" | --uninstall | "--prefix "*) ;; *) echo "usage: ./install.sh [--prefix DIR] [--uninstall]" >&2; exit 2 ;; esac
