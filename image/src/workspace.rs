//! Where things are: the checkout, the cache, the built images.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no WEFT OS checkout at {0} or above it: run `cargo weft` inside the checkout")]
    NoCheckout(PathBuf),
    #[error("cannot tell the current folder")]
    CurrentFolder(#[source] std::io::Error),
    #[error(
        "neither WEFT_CACHE, XDG_CACHE_HOME nor HOME is set: set WEFT_CACHE to a folder with 30 GiB of room"
    )]
    NoCache,
    #[error("{variable}={value} is not an absolute path")]
    RelativeCache { variable: &'static str, value: PathBuf },
}

/// The folders that one run of the pipeline works in.
#[derive(Clone, Debug)]
pub struct Workspace {
    root: PathBuf,
    cache: PathBuf,
}

impl Workspace {
    /// The checkout around the current folder, and the cache that the environment names.
    pub fn find() -> Result<Self, Error> {
        let here = std::env::current_dir().map_err(Error::CurrentFolder)?;
        let root = here
            .ancestors()
            .find(|folder| folder.join("image/profiles").is_dir() && folder.join("kernel-config").is_dir())
            .ok_or_else(|| Error::NoCheckout(here.clone()))?
            .to_owned();
        Ok(Self { root, cache: cache_folder(|name| std::env::var_os(name).map(PathBuf::from))? })
    }

    /// The top folder of the checkout.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of everything that is kept between runs and checkouts.
    pub fn cache(&self) -> &Path {
        &self.cache
    }

    /// `build/images` of the checkout.
    pub fn images(&self) -> PathBuf {
        self.root.join("build/images")
    }

    /// `build/releases` of the checkout: the repository that machines under test update from.
    pub fn releases(&self) -> PathBuf {
        self.root.join("build/releases")
    }
}

fn cache_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, Error> {
    let set = |name: &'static str| variable(name).filter(|value| !value.as_os_str().is_empty());
    let absolute = |variable: &'static str, value: PathBuf| {
        if value.is_absolute() { Ok(value) } else { Err(Error::RelativeCache { variable, value }) }
    };
    if let Some(folder) = set("WEFT_CACHE") {
        return absolute("WEFT_CACHE", folder);
    }
    if let Some(folder) = set("XDG_CACHE_HOME") {
        return Ok(absolute("XDG_CACHE_HOME", folder)?.join("weft"));
    }
    let home = set("HOME").ok_or(Error::NoCache)?;
    Ok(absolute("HOME", home)?.join(".cache/weft"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<PathBuf, Error> {
        cache_folder(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
        })
    }

    #[test]
    fn the_cache_follows_the_environment() {
        assert_eq!(with(&[("WEFT_CACHE", "/big"), ("HOME", "/h")]).unwrap(), Path::new("/big"));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/x"), ("HOME", "/h")]).unwrap(), Path::new("/x/weft"));
        assert_eq!(with(&[("HOME", "/h")]).unwrap(), Path::new("/h/.cache/weft"));
        assert!(matches!(with(&[]), Err(Error::NoCache)));
        assert!(with(&[("WEFT_CACHE", "here")]).unwrap_err().to_string().contains("WEFT_CACHE=here"));
    }
}
