//! A lock becomes an environment, through uv or pip.
