//! Virtual clock, entropy and sockets under real callers: std, and libc called the way getrandom 0.2, 0.3, 0.4 and C code do it.
