//! The environment spec: Python, targets, system libraries, artifacts, gaps.
