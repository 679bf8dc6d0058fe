//! The validated manifest.

use crate::{
    AppId, Capability, Limits, ManifestError, RelativePath, Version, parse_duration, parse_size, raw,
};
use std::ops::Range;
use std::path::Path;
use toml::Spanned;

/// The longest name of an app, in characters.
const MAX_NAME: usize = 64;
/// The longest description and author, in characters.
const MAX_DESCRIPTION: usize = 256;

/// What `wapp.toml` says about an app.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub id: AppId,
    /// What a person reads, 1 to 64 characters.
    pub name: String,
    pub version: Version,
    pub description: Option<String>,
    pub author: Option<String>,
    /// As declared, each at most once. [`Capability::DEFAULT`] comes on top.
    pub capabilities: Vec<Capability>,
    /// The component's file in the package.
    pub module: RelativePath,
    pub limits: Limits,
    /// `None`: an app without a page.
    pub ui: Option<Ui>,
}

/// `[ui]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ui {
    /// The page that is opened first.
    pub entry: RelativePath,
}

impl Manifest {
    /// Reads a manifest from its text; `file` is what errors call it.
    pub fn parse(text: &str, file: &Path) -> Result<Self, ManifestError> {
        let place = Place { text, file };
        let raw: raw::Manifest = toml::from_str(text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            place.error(span, "", error.message().trim_end().replace('\n', ", "))
        })?;
        let raw::Manifest { package, runtime, ui } = raw;
        Ok(Self {
            id: place.parsed("package.id", &package.id)?,
            name: place.line("package.name", &package.name, MAX_NAME)?,
            version: place.version(&package.version)?,
            description: place.optional_line("package.description", package.description.as_ref())?,
            author: place.optional_line("package.author", package.author.as_ref())?,
            capabilities: place.capabilities(&package.capabilities)?,
            module: place.parsed("runtime.module", &runtime.module)?,
            limits: place.limits(&runtime.limits)?,
            ui: ui.map(|ui| place.entry(&ui.entry)).transpose()?,
        })
    }

    /// Whether the app was granted this very capability, by default or by its manifest.
    pub fn grants(&self, capability: &Capability) -> bool {
        Capability::DEFAULT.contains(capability) || self.capabilities.contains(capability)
    }
}

/// Turns byte ranges of the text into errors with line and column.
struct Place<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Place<'_> {
    fn error(&self, span: Range<usize>, field: &str, problem: impl Into<String>) -> ManifestError {
        let before = self.text.get(..span.start).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        ManifestError {
            file: self.file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: before.get(line_start..).unwrap_or_default().chars().count() + 1,
            field: if field.is_empty() { String::new() } else { format!("{field}: ") },
            problem: problem.into(),
        }
    }

    fn parsed<T>(&self, field: &str, value: &Spanned<String>) -> Result<T, ManifestError>
    where
        T: std::str::FromStr,
        T::Err: std::fmt::Display,
    {
        value.get_ref().parse().map_err(|error: T::Err| self.error(value.span(), field, error.to_string()))
    }

    fn version(&self, value: &Spanned<String>) -> Result<Version, ManifestError> {
        Version::parse(value.get_ref()).map_err(|error| {
            let problem = format!("{error}: write a semantic version, such as 1.0.0");
            self.error(value.span(), "package.version", problem)
        })
    }

    fn line(&self, field: &str, value: &Spanned<String>, longest: usize) -> Result<String, ManifestError> {
        let text = value.get_ref();
        let length = text.chars().count();
        if text.trim().is_empty() || length > longest || text.chars().any(char::is_control) {
            let problem = format!("write one line of 1 to {longest} characters; this is {length}");
            return Err(self.error(value.span(), field, problem));
        }
        Ok(text.clone())
    }

    fn optional_line(
        &self,
        field: &str,
        value: Option<&Spanned<String>>,
    ) -> Result<Option<String>, ManifestError> {
        value.map(|value| self.line(field, value, MAX_DESCRIPTION)).transpose()
    }

    fn capabilities(&self, values: &[Spanned<String>]) -> Result<Vec<Capability>, ManifestError> {
        let field = "package.capabilities";
        let mut capabilities = Vec::new();
        for value in values {
            let capability: Capability = self.parsed(field, value)?;
            if capabilities.contains(&capability) {
                let problem = format!("`{capability}` is there twice: remove one");
                return Err(self.error(value.span(), field, problem));
            }
            capabilities.push(capability);
        }
        Ok(capabilities)
    }

    fn limits(&self, raw: &raw::Limits) -> Result<Limits, ManifestError> {
        let mut limits = Limits::default();
        let (least, most) = (Limits::FLOOR, Limits::CEILING);
        if let Some(value) = &raw.memory {
            limits.memory = parse_size(value.get_ref())
                .filter(|memory| (least.memory..=most.memory).contains(memory))
                .ok_or_else(|| {
                    let problem = "write a size from 1MiB to 1GiB, such as \"64MiB\"";
                    self.error(value.span(), "runtime.limits.memory", problem)
                })?;
        }
        if let Some(value) = &raw.wall {
            limits.wall = parse_duration(value.get_ref())
                .filter(|wall| (least.wall..=most.wall).contains(wall))
                .ok_or_else(|| {
                    let problem = "write a time from 10ms to 60s, such as \"5s\"";
                    self.error(value.span(), "runtime.limits.wall", problem)
                })?;
        }
        if let Some(value) = &raw.cpu {
            limits.cpu = *value.get_ref();
            if !(least.cpu..=most.cpu).contains(&limits.cpu) {
                let problem = "write a share of one processor from 1 to 800 percent, such as 200";
                return Err(self.error(value.span(), "runtime.limits.cpu", problem));
            }
        }
        Ok(limits)
    }

    fn entry(&self, value: &Spanned<String>) -> Result<Ui, ManifestError> {
        let entry: RelativePath = self.parsed("ui.entry", value)?;
        if !entry.as_str().starts_with("ui/") {
            let problem = "pages live in the folder ui/: write a path such as ui/index.html";
            return Err(self.error(value.span(), "ui.entry", problem));
        }
        Ok(Ui { entry })
    }
}
