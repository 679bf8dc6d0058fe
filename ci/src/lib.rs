//! The VM test harness.
