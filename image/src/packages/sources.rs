//! The mirrors that this machine is configured with, turned into sources of the pinned suite.
//!
//! No mirror is named in this repository: whoever builds uses the mirror they already trust. Formats: `sources.list(5)`.

use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {path}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error(
        "no Debian mirror for {codename} is configured in {folder}: add one, packages are fetched from where this machine gets its own"
    )]
    NoMirror { codename: String, folder: PathBuf },
}

/// One configured source.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Source {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: Option<String>,
}

/// Sources in deb822 form that give `suite` with its updates and security fixes, from the mirrors in `/etc/apt`.
pub fn for_suite(etc_apt: &Path, codename: &str, suite: &str) -> Result<String, Error> {
    let sources = configured(etc_apt)?;
    let find = |wanted: &str| {
        sources
            .iter()
            .find(|source| {
                source.suites.iter().any(|suite| suite == wanted)
                    && source.components.iter().any(|component| component == "main")
            })
            .cloned()
    };
    let base = find(codename)
        .ok_or_else(|| Error::NoMirror { codename: codename.to_owned(), folder: etc_apt.to_owned() })?;
    let mut text = stanza(&base, &format!("{suite} {suite}-updates"));
    if let Some(security) = find(&format!("{codename}-security")) {
        text.push('\n');
        text.push_str(&stanza(&security, &format!("{suite}-security")));
    }
    Ok(text)
}

fn stanza(source: &Source, suites: &str) -> String {
    let keys = source.signed_by.as_deref().unwrap_or("/usr/share/keyrings/debian-archive-keyring.gpg");
    format!(
        "Types: deb\nURIs: {}\nSuites: {suites}\nComponents: main\nSigned-By: {keys}\n",
        source.uris.join(" ")
    )
}

fn configured(etc_apt: &Path) -> Result<Vec<Source>, Error> {
    let mut files = vec![etc_apt.join("sources.list")];
    if let Ok(entries) = std::fs::read_dir(etc_apt.join("sources.list.d")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    files.sort();
    let mut sources = Vec::new();
    for path in files.into_iter().filter(|path| path.is_file()) {
        let text =
            std::fs::read_to_string(&path).map_err(|source| Error::Read { path: path.clone(), source })?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.extend(text.lines().filter_map(one_line)),
            Some("sources") => sources.extend(stanzas(&text)),
            _ => {}
        }
    }
    Ok(sources)
}

/// `deb [options] uri suite component…`
fn one_line(line: &str) -> Option<Source> {
    let rest = line.trim().strip_prefix("deb ")?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracketed) => bracketed.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    let (uri, suite) = (words.next()?, words.next()?);
    let signed_by = options.split_whitespace().find_map(|option| option.strip_prefix("signed-by="));
    Some(Source {
        uris: vec![uri],
        suites: vec![suite],
        components: words.collect(),
        signed_by: signed_by.map(str::to_owned),
    })
}

fn stanzas(text: &str) -> Vec<Source> {
    let without_comments: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    without_comments.split(|line| line.trim().is_empty()).filter_map(one_stanza).collect()
}

fn one_stanza(lines: &[&str]) -> Option<Source> {
    let value = |field: &str| {
        lines.iter().find_map(|line| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case(field).then(|| value.trim())
        })
    };
    let words = |field: &str| -> Option<Vec<String>> {
        Some(value(field)?.split_whitespace().map(str::to_owned).collect())
    };
    if !words("Types")?.iter().any(|kind| kind == "deb") || value("Enabled") == Some("no") {
        return None;
    }
    Some(Source {
        uris: words("URIs")?,
        suites: words("Suites")?,
        components: words("Components")?,
        // A key written into the stanza itself spans lines; the keyring of Debian serves as well.
        signed_by: value("Signed-By").filter(|path| path.starts_with('/')).map(str::to_owned),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn deb822_sources_are_turned_to_the_suite() {
        let etc = machine(&[(
            "sources.list.d/debian.sources",
            "Types: deb\n# a comment\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /k.gpg\n\n\
             Types: deb\nURIs: http://mirror.example/security\nSuites: bookworm-security\nComponents: main\nSigned-By: /k.gpg\n",
        )]);
        let text = for_suite(etc.path(), "bookworm", "trixie").unwrap();
        assert_eq!(
            text,
            "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie trixie-updates\nComponents: main\nSigned-By: /k.gpg\n\n\
             Types: deb\nURIs: http://mirror.example/security\nSuites: trixie-security\nComponents: main\nSigned-By: /k.gpg\n"
        );
    }

    #[test]
    fn one_line_sources_and_strangers_beside_them() {
        let etc = machine(&[
            (
                "sources.list",
                "deb [arch=amd64 signed-by=/k.gpg] http://m.example/debian bookworm main contrib\n",
            ),
            ("sources.list.d/other.list", "deb https://other.example/apt stable main\n"),
        ]);
        let text = for_suite(etc.path(), "bookworm", "trixie").unwrap();
        assert!(text.contains("URIs: http://m.example/debian\n") && text.contains("/k.gpg"), "{text}");
        assert!(!text.contains("other.example"));
    }

    #[test]
    fn a_machine_without_a_debian_mirror_is_told_so() {
        let etc = machine(&[("sources.list.d/other.list", "deb https://other.example/apt stable main\n")]);
        let error = for_suite(etc.path(), "bookworm", "trixie").unwrap_err().to_string();
        assert!(error.contains("no Debian mirror for bookworm"), "{error}");
    }
}
