//! A shell with its engine: the loop between the window, the page and whom the page talks to.

mod engine;
mod input;
mod messages;
mod read_ahead;
mod run;
mod sys;
mod turn;
mod wayland;

pub use run::run;
