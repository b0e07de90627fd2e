"""Runs a command in a pseudo-terminal of its own: ROWS COLUMNS COMMAND...

What comes on standard input is typed, what the command prints comes out here. The exit code is the command's.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

rows, columns, *command = sys.argv[1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def take_terminal():
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
os.close(slave)
sources = [master, 0]
while True:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 65536)
        if typed:
            os.write(master, typed)
        else:
            sources.remove(0)
    if master in ready:
        try:
            data = os.read(master, 65536)
        except OSError:
            break
        if not data:
            break
        os.write(1, data)
code = child.wait()
sys.exit(128 - code if code < 0 else code)
