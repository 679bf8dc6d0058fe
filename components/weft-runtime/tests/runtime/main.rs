//! The runtime against components that behave, and against ones that do not.

mod asks;
mod code;
mod command;
mod components;
mod files;
mod harness;
mod limits;
mod memory;
mod network;
