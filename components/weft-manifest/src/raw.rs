//! `wapp.toml` as it is written, with the place of every value; nothing is checked here but names and kinds.

use serde::Deserialize;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    pub package: Package,
    pub runtime: Runtime,
    pub ui: Option<Ui>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Package {
    pub id: Spanned<String>,
    pub name: Spanned<String>,
    pub version: Spanned<String>,
    pub description: Option<Spanned<String>>,
    pub author: Option<Spanned<String>>,
    #[serde(default)]
    pub capabilities: Vec<Spanned<String>>,
    #[serde(default)]
    pub denied: Vec<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Runtime {
    pub module: Spanned<String>,
    #[serde(default)]
    pub unused: Vec<Spanned<String>>,
    #[serde(default)]
    pub limits: Limits,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    pub memory: Option<Spanned<String>>,
    pub table: Option<Spanned<u64>>,
    pub instances: Option<Spanned<u64>>,
    pub stack: Option<Spanned<String>>,
    pub fuel: Option<Spanned<u64>>,
    pub descriptors: Option<Spanned<u64>>,
    pub wall: Option<Spanned<String>>,
    pub storage: Option<Spanned<String>>,
    pub watchdog_secs: Option<Spanned<u64>>,
    pub cpu: Option<Spanned<u64>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ui {
    pub entry: Spanned<String>,
}
