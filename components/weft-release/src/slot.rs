//! The two places that a system lives in.

use std::fmt;
use std::str::FromStr;

/// A slot: a root partition with its hash partition. An update writes the one that does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    A,
    B,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no slot: there are a and b")]
pub struct UnknownSlot(pub String);

impl Slot {
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// GPT labels of the root image and of its hash device.
    pub fn labels(self) -> (&'static str, &'static str) {
        match self {
            Self::A => ("root-a", "verity-a"),
            Self::B => ("root-b", "verity-b"),
        }
    }

    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

impl FromStr for Slot {
    type Err = UnknownSlot;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "a" => Ok(Self::A),
            "b" => Ok(Self::B),
            other => Err(UnknownSlot(other.to_owned())),
        }
    }
}
