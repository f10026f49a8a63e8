//! What this machine is: its Python, platform and libc.
