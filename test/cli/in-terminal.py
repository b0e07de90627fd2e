"""Runs a command in a pseudo-terminal of its own: ROWS COLUMNS session|loose COMMAND...

What it prints comes out here. A line on standard input closes the terminal: with "session" it is the command's controlling
terminal, so that the system sends SIGHUP. The first line says the process id, and the exit code is the command's.
"""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

rows, columns, kind, *command = sys.argv[1:]
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))


def take_terminal():
    os.setsid()
    if kind == "session":
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)


child = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_terminal)
os.close(slave)
os.write(1, f"pid {child.pid}.\n".encode())
while True:
    ready, _, _ = select.select([master, 0], [], [])
    if 0 in ready:
        break
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
os.close(master)
code = child.wait()
sys.exit(128 - code if code < 0 else code)
