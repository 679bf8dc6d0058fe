//! The validated manifest.

use crate::{AppId, Capability, Limits, ManifestError, RelativePath, Unused, Version, raw};
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
    /// As declared, each at most once. [`Capability::DEFAULT`] comes on top, without what is in `denied`.
    pub capabilities: Vec<Capability>,
    /// What the app does without of [`Capability::DEFAULT`].
    pub denied: Vec<Capability>,
    /// The component's file in the package.
    pub module: RelativePath,
    /// What the component imports and never calls, as the runtime of its language does.
    pub unused: Vec<Unused>,
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
            capabilities: place.list("package.capabilities", &package.capabilities)?,
            denied: place.denied(&package.denied)?,
            module: place.parsed("runtime.module", &runtime.module)?,
            unused: place.list("runtime.unused", &runtime.unused)?,
            limits: place.limits(&runtime.limits)?,
            ui: ui.map(|ui| place.entry(&ui.entry)).transpose()?,
        })
    }

    /// The options of `weft-runtime` for a session of this app: what it is granted, and its limits.
    pub fn runtime_arguments(&self) -> Vec<String> {
        let list = |option: &str, values: Vec<String>| {
            values.into_iter().flat_map(|value| [option.to_owned(), value]).collect::<Vec<_>>()
        };
        let texts = |capabilities: &[Capability]| capabilities.iter().map(ToString::to_string).collect();
        let mut arguments = list("--grant", texts(&self.capabilities));
        arguments.extend(list("--deny", texts(&self.denied)));
        arguments.extend(list("--unused", self.unused.iter().map(ToString::to_string).collect()));
        let limits = &self.limits;
        let numbers = [
            ("--max-memory-mib", limits.memory.div_ceil(1 << 20)),
            ("--max-table", limits.table),
            ("--max-instances", limits.instances),
            ("--max-stack-kib", limits.stack >> 10),
            ("--max-fuel", limits.fuel),
            ("--max-descriptors", limits.descriptors),
            ("--max-storage-kib", limits.storage >> 10),
        ];
        arguments
            .extend(numbers.into_iter().flat_map(|(option, value)| [option.to_owned(), value.to_string()]));
        arguments.extend(["--max-wall".to_owned(), format!("{}ms", limits.wall.as_millis())]);
        if let Some(watchdog) = limits.watchdog {
            arguments.extend(["--watchdog-secs".to_owned(), watchdog.as_secs().to_string()]);
        }
        arguments
    }

    /// What the app has of [`Capability::DEFAULT`] without declaring it.
    pub fn by_default(&self) -> impl Iterator<Item = Capability> {
        let kept = |item: &Capability| !self.denied.contains(item) && !self.capabilities.contains(item);
        Capability::DEFAULT.into_iter().filter(kept)
    }

    /// Whether the app was granted this very capability, by default or by its manifest.
    pub fn grants(&self, capability: &Capability) -> bool {
        let default = Capability::DEFAULT.contains(capability) && !self.denied.contains(capability);
        default || self.capabilities.contains(capability)
    }
}

/// Turns byte ranges of the text into errors with line and column.
pub struct Place<'a> {
    text: &'a str,
    file: &'a Path,
}

impl Place<'_> {
    pub fn error(&self, span: Range<usize>, field: &str, problem: impl Into<String>) -> ManifestError {
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

    fn list<T>(&self, field: &str, values: &[Spanned<String>]) -> Result<Vec<T>, ManifestError>
    where
        T: std::str::FromStr + PartialEq + std::fmt::Display,
        T::Err: std::fmt::Display,
    {
        let mut list = Vec::new();
        for value in values {
            let item: T = self.parsed(field, value)?;
            if list.contains(&item) {
                let problem = format!("`{item}` is there twice: remove one");
                return Err(self.error(value.span(), field, problem));
            }
            list.push(item);
        }
        Ok(list)
    }

    fn denied(&self, values: &[Spanned<String>]) -> Result<Vec<Capability>, ManifestError> {
        let field = "package.denied";
        let list: Vec<Capability> = self.list(field, values)?;
        match list.iter().zip(values).find(|(denied, _)| !Capability::DEFAULT.contains(denied)) {
            Some((denied, value)) => {
                let problem = format!(
                    "`{denied}` is not given unless it is asked for: deny wasi:clock, wasi:random or wasi:stdio"
                );
                Err(self.error(value.span(), field, problem))
            }
            None => Ok(list),
        }
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
