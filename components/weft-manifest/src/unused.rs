//! `runtime.unused`: imports that a component carries along.

use std::fmt;
use std::str::FromStr;

/// A package of interfaces that the component imports only because the runtime of its language does (CPython imports all of
/// `wasi:sockets`). Nothing is linked behind them: a call ends the component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unused {
    /// `wasi:sockets`.
    Sockets,
    /// `wasi:http`.
    Http,
    /// `wasi:clocks`.
    Clocks,
    /// `wasi:random`.
    Random,
}

impl Unused {
    /// The package's name, without a version.
    pub fn package(self) -> &'static str {
        match self {
            Self::Sockets => "wasi:sockets",
            Self::Http => "wasi:http",
            Self::Clocks => "wasi:clocks",
            Self::Random => "wasi:random",
        }
    }
}

/// The text names none of them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot be left unused: write wasi:sockets, wasi:http, wasi:clocks or wasi:random")]
pub struct UnknownUnused(String);

impl FromStr for Unused {
    type Err = UnknownUnused;

    fn from_str(text: &str) -> Result<Self, UnknownUnused> {
        let all = [Self::Sockets, Self::Http, Self::Clocks, Self::Random];
        all.into_iter()
            .find(|unused| unused.package() == text)
            .ok_or_else(|| UnknownUnused(text.chars().take(200).collect()))
    }
}

impl fmt::Display for Unused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.package())
    }
}
