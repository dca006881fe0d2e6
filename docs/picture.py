#!/usr/bin/env python3
"""Draws what a command printed on a terminal as an SVG: escape sequences for bold, dim and colours on stdin.

    script -qec 'claude-credential explain' /dev/null | docs/picture.py 'claude-credential explain' > docs/explain.svg
"""

import re
import sys
from html import escape

WIDTH, LINE, LEFT, TOP = 8.43, 20, 16, 44
COLOURS = {"31": "#f47067", "32": "#6bc46d", "33": "#daaa3f", "34": "#6cb6ff", "35": "#dcbdfb", "36": "#76e3ea"}


def spans(line):
    """The parts of a line, each with the style that holds for it."""
    style = {}
    for part in re.split(r"(\x1b\[[0-9;]*m)", line):
        sequence = re.fullmatch(r"\x1b\[([0-9;]*)m", part)
        if not sequence:
            if part:
                yield part, dict(style)
            continue
        for code in sequence.group(1).split(";"):
            if code in ("", "0"):
                style = {}
            elif code == "1":
                style["font-weight"] = "bold"
            elif code == "2":
                style["opacity"] = "0.6"
            elif code in COLOURS:
                style["fill"] = COLOURS[code]


def main():
    title = sys.argv[1]
    lines = [line.rstrip() for line in sys.stdin.read().replace("\r", "").rstrip().split("\n")]
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    width = int(max(map(len, plain)) * WIDTH + 2 * LEFT)
    height = TOP + LINE * len(lines) + 8
    print(f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"')
    print('     font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" role="img">')
    print(f"  <title>{escape(title)}</title>")
    print('  <rect width="100%" height="100%" rx="8" fill="#1c2128"/>')
    print(f'  <text x="{LEFT}" y="24" fill="#768390">$ {escape(title)}</text>')
    for number, line in enumerate(lines):
        parts = "".join(
            "<tspan{}>{}</tspan>".format("".join(f' {key}="{value}"' for key, value in style.items()), escape(text))
            for text, style in spans(line)
        )
        if parts:
            y = TOP + LINE * number + 4
            print(f'  <text x="{LEFT}" y="{y}" fill="#d1d7e0" xml:space="preserve">{parts}</text>')
    print("</svg>")


main()
